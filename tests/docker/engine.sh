# Sourced by run: a Docker engine, installed and started here when there is none. Sets ENGINE_SKIP to the reason when that cannot be.

ENGINE_PID=

engine_answers() { timeout 20 docker info >/dev/null 2>&1; }

engine_install() {
  local package absent=()
  for package in docker.io docker-compose debootstrap; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || absent+=("$package")
  done
  [ ${#absent[@]} -gt 0 ] || return 0
  say "installing ${absent[*]}"
  apt-get -qq -o DPkg::Lock::Timeout=300 update &&
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${absent[@]}"
}

# engine_try LOG [FLAG…]: true when a daemon with these flags answers within 30 s; otherwise it is gone again.
engine_try() {
  local log=$1 tenths
  shift
  dockerd "$@" >"$log" 2>&1 &
  ENGINE_PID=$!
  for ((tenths = 0; tenths < 300; tenths++)); do
    kill -0 "$ENGINE_PID" 2>/dev/null || break
    engine_answers && return 0
    sleep 0.1
  done
  engine_stop
  return 1
}

engine_stop() {
  [ -n "$ENGINE_PID" ] || return 0
  kill -TERM "$ENGINE_PID" 2>/dev/null || true
  wait "$ENGINE_PID" 2>/dev/null || true
  ENGINE_PID=
}

# Some machines lack overlayfs, others nftables; each try gives up one more comfort.
engine_start() {
  local log=$WORK/dockerd.log
  engine_answers && return 0
  if [ "$(id -u)" != 0 ]; then
    ENGINE_SKIP="no Docker engine answers, and without root none can be started"
    return 0
  fi
  if ! command -v apt-get >/dev/null || ! engine_install >"$WORK/apt.log" 2>&1; then
    ENGINE_SKIP="no Docker engine answers, and none could be installed: $(tail -n 1 "$WORK/apt.log" 2>/dev/null)"
    return 0
  fi
  engine_answers && return 0 # the package has started it
  say "starting a Docker engine"
  engine_try "$log" && return 0
  engine_try "$log" --storage-driver=vfs && return 0
  if command -v iptables-legacy >/dev/null; then
    mkdir -p "$WORK/legacy"
    ln -sf "$(command -v iptables-legacy)" "$WORK/legacy/iptables"
    ln -sf "$(command -v ip6tables-legacy)" "$WORK/legacy/ip6tables"
    PATH=$WORK/legacy:$PATH engine_try "$log" --storage-driver=vfs && return 0
  fi
  ENGINE_SKIP="no Docker engine could be started here: $(grep -E 'failed|error' "$log" | tail -n 1)"
}
