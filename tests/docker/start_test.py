"""What docker/start does in a container, without one: the programs are stand-ins that tell their environment."""
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
START = TOP / "docker" / "start"
# Complains while a file named `wrong` lies beside it, and otherwise tells what it was given.
STAND_IN = """#!/bin/sh
if [ "${1:-}" = --check-config ]; then
  [ ! -e "$0.wrong" ] || { echo "$(basename "$0"): WECHAT_TOKEN is missing" >&2; exit 2; }
  echo "configuration is fine"
  exit 0
fi
echo "$(basename "$0") runs"
env
"""
PROGRAMS = ("kefu-gateway", "kefu-relay", "kefu-notifier", "kefu-sandbox")


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for program in PROGRAMS:
            path = self.folder / program
            path.write_text(STAND_IN)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def environment(self, settings):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "KEFU_DEMO_ENV": str(TOP / "sandbox/demo.env"),
                "KEFU_DEMO": "/demo", "KEFU_START_WAIT": "0.05", "KEFU_DATA_DIR": "/data", "KEFU_MEDIA_DIR": "/media",
                **settings}

    def run_start(self, argument, **settings):
        return subprocess.run([START, argument], env=self.environment(settings), capture_output=True, text=True, timeout=60)

    def given(self, done):
        """The environment in which the program ran."""
        return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)

    def make_wrong(self, program):
        (self.folder / f"{program}.wrong").touch()

    def test_without_an_account_it_is_a_demo_with_folders_of_its_own(self):
        done = self.run_start("gateway")
        given = self.given(done)
        self.assertIn("kefu-gateway runs", done.stdout)
        self.assertEqual(given["WECHAT_APP_ID"], "wxdemo0000000000")
        self.assertEqual((given["KEFU_DATA_DIR"], given["KEFU_MEDIA_DIR"]), ("/demo/data", "/demo/media"))
        self.assertEqual(given["KEFU_MEDIA_URL"], "http://localhost:8080/media")
        self.assertIn("nothing reaches a real cloud", done.stderr)

    def test_the_demo_takes_no_credentials_of_a_half_filled_env_file(self):
        given = self.given(self.run_start("gateway", WECHAT_APP_ID="", WECHAT_TOKEN="real", WECHAT_AES_KEY="real",
                                          IM_CALLBACK_TOKEN_FILE="config/real", KEFU_HTTP_PORT="18080"))
        self.assertEqual(given["WECHAT_TOKEN"], "demo-token")
        self.assertNotIn("WECHAT_AES_KEY", given)
        self.assertNotIn("IM_CALLBACK_TOKEN_FILE", given)
        self.assertEqual(given["KEFU_MEDIA_URL"], "http://localhost:18080/media")

    def test_with_an_account_nothing_is_changed(self):
        given = self.given(self.run_start("relay", WECHAT_APP_ID="wx1", IM_SECRET_KEY="real"))
        self.assertEqual((given["WECHAT_APP_ID"], given["IM_SECRET_KEY"]), ("wx1", "real"))
        self.assertEqual((given["KEFU_DATA_DIR"], given["KEFU_MEDIA_DIR"]), ("/data", "/media"))
        self.assertNotIn("KEFU_MEDIA_URL", given)

    def test_the_account_may_stand_in_the_configuration_file(self):
        file = self.folder / "kefu.conf"
        for line, real in (("WECHAT_APP_ID=wx1", True), ("wechat-app-id = \"wx1\"", True), ("export WECHAT_APP_ID='wx1'", True),
                           ("# WECHAT_APP_ID=wx1", False), ("WECHAT_APP_ID=", False), ("WECHAT_APP_ID=\"\"", False),
                           ("WECHAT_APP_ID= # none yet", False), ("KEFU_SWEEP=0s", False)):
            file.write_text(f"KEFU_LOCALE=en\n{line}\n")
            given = self.given(self.run_start("gateway", KEFU_CONFIG=str(file)))
            with self.subTest(line):
                self.assertEqual("WECHAT_APP_ID" not in given, real)

    def test_the_sandbox_ends_at_once_when_there_is_an_account(self):
        done = self.run_start("sandbox", WECHAT_APP_ID="wx1")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertIn("no sandbox", done.stderr)
        self.assertIn("kefu-sandbox runs", self.run_start("sandbox").stdout)

    def test_check_tells_what_is_wrong_of_all_programs(self):
        self.assertEqual(self.run_start("check", WECHAT_APP_ID="wx1").returncode, 0)
        self.make_wrong("kefu-gateway")
        self.make_wrong("kefu-notifier")
        done = self.run_start("check", WECHAT_APP_ID="wx1")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.splitlines(),
                         ["kefu-gateway: WECHAT_TOKEN is missing", "kefu-notifier: WECHAT_TOKEN is missing"])

    def test_check_says_when_it_is_a_demo_that_was_checked(self):
        done = self.run_start("check", IM_SECRET_KEY="real")
        self.assertEqual((done.returncode, done.stdout), (0, "the settings are fine\n"))
        self.assertIn("WECHAT_APP_ID is not set: a demo", done.stderr)

    def begin_with_wrong_settings(self):
        self.make_wrong("kefu-gateway")
        process = subprocess.Popen([START, "gateway"], env=self.environment({"WECHAT_APP_ID": "wx1"}), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertEqual(process.stderr.readline(), "kefu-gateway: WECHAT_TOKEN is missing\n")
        self.assertIn("kefu-gateway waits", process.stderr.readline())
        return process

    def test_wrong_settings_are_told_once_and_a_file_mended_meanwhile_lets_it_start(self):
        process = self.begin_with_wrong_settings()
        (self.folder / "kefu-gateway.wrong").unlink()
        out, err = process.communicate(timeout=60)
        self.assertIn("kefu-gateway runs", out)
        self.assertEqual(err, "")

    def test_who_waits_ends_on_sigterm(self):
        process = self.begin_with_wrong_settings()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=60), 2)

    def test_another_word_is_refused(self):
        self.assertEqual(self.run_start("gatewya").returncode, 2)


if __name__ == "__main__":
    unittest.main()
