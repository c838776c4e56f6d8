"""What ./dev says while it builds: in a folder of its own, with stand-ins for CMake and ninja."""
import os
import pathlib
import pty
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
CMAKE = "#!/bin/sh\ntouch build/build.ninja\n"
NINJA = """#!/bin/sh
echo "ninja: Entering directory \\`build'"
echo "[1/2] Re-running CMake..."
i=1; while [ $i -le 40 ]; do echo "[$i/40] Building CXX object $i.o"; i=$((i + 1)); done
touch build/.ninja_log
echo "CCACHE_BASEDIR=$CCACHE_BASEDIR" >build/environment
exit ${NINJA_STATUS:-0}
"""


class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name).resolve()
        shutil.copy(TOP / "dev", self.folder)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        # Without dpkg-query and apt-get nothing is installed.
        for name in ("bash", "dirname", "readlink", "mkdir", "cat", "grep", "tail", "tee", "nproc", "awk", "touch", "sh"):
            (self.bin / name).symlink_to(shutil.which(name))
        for name, text in (("cmake", CMAKE), ("ninja", NINJA)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)

    def build(self, stderr=subprocess.PIPE, **environment):
        return subprocess.run([self.folder / "dev", "build"], env={"PATH": str(self.bin), **environment}, stdout=subprocess.PIPE,
                              stderr=stderr, text=True, timeout=60)

    def test_it_says_how_far_it_is_at_every_tenth(self):
        told = [line for line in self.build().stderr.splitlines() if line.startswith("building build [")]
        self.assertEqual(told, [f"building build [{n}/40]" for n in range(4, 41, 4)])

    def test_on_a_terminal_one_line_is_rewritten(self):
        ours, theirs = pty.openpty()
        self.build(stderr=theirs)
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # all is read
                break
        os.close(ours)
        self.assertIn(b"\r\x1b[Kbuilding build [39/40]\r\x1b[Kbuilding build [40/40]\r\x1b[Kbuilt in", said)

    def test_it_says_at_the_first_time_how_long_it_takes(self):
        self.assertIn("the first build takes about ", self.build().stderr)
        self.assertNotIn("the first build", self.build().stderr)

    def test_a_build_that_fails_shows_its_log(self):
        done = self.build(NINJA_STATUS="1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Building CXX object 40.o", done.stderr)
        self.assertIn("the build failed", done.stderr)

    def test_ccache_is_told_which_folder_is_this_clones_own(self):
        self.build()
        self.assertEqual((self.folder / "build/environment").read_text(), f"CCACHE_BASEDIR={self.folder}\n")
        self.build(CCACHE_BASEDIR="/chosen")
        self.assertEqual((self.folder / "build/environment").read_text(), "CCACHE_BASEDIR=/chosen\n")


if __name__ == "__main__":
    unittest.main()
