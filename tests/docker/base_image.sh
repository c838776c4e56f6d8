# Sourced by run: debian:trixie-slim, pulled where a registry can be reached, otherwise made from this machine's own Debian mirror.

BASE=debian:trixie-slim

# The mirror that this machine's apt uses for Debian itself.
debian_mirror() {
  local mirror
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(SITE)' 'Created-By: Packages' 2>/dev/null |
    awk -F'|' '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
  echo "${mirror:-http://deb.debian.org/debian}"
}

# How this machine's apt reaches its mirrors (proxies, checks), in apt's own words.
apt_transport() { apt-config dump 2>/dev/null | grep -iE '^Acquire::(https?|Retries|Check-)' || true; }

base_image() {
  docker image inspect "$BASE" >/dev/null 2>&1 && return 0
  say "pulling $BASE"
  timeout 120 docker pull -q "$BASE" >/dev/null 2>&1 && return 0
  local mirror root=$WORK/base
  mirror=$(debian_mirror)
  say "no registry to pull from: making $BASE from this machine's Debian mirror"
  command -v debootstrap >/dev/null || engine_install >"$WORK/apt.log" 2>&1 || return 1
  debootstrap --variant=minbase trixie "$root" "$mirror" >"$WORK/debootstrap.log" 2>&1 || {
    tail -n 5 "$WORK/debootstrap.log" >&2
    return 1
  }
  printf 'deb %s trixie main\ndeb %s trixie-updates main\n' "$mirror" "$mirror" >"$root/etc/apt/sources.list"
  printf 'Acquire::Languages "none";\n%s\n' "$(apt_transport)" >"$root/etc/apt/apt.conf.d/90transport"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
  tar -C "$root" -c . | docker import - "$BASE" >/dev/null
  rm -rf "$root"
}
