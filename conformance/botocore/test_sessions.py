"""Shows that sessions look like the service's, run commands, and count."""

import json
import shutil
import unittest
import urllib.parse
import uuid

import cloudshell


class Sessions(unittest.TestCase):
    def test_an_answer_is_what_the_plugin_is_given(self):
        client = cloudshell.client("ap-south-1")
        environment = cloudshell.running(client)
        with cloudshell.open_session(client, environment) as made:
            self.assertRegex(made["SessionId"], r"^[0-9]{19}-[a-z0-9]{1,76}$")
            self.assertTrue(0 < len(made["TokenValue"]) <= 300, made["TokenValue"])
            url = urllib.parse.urlsplit(made["StreamUrl"])
            self.assertEqual(url.path, f"/v1/data-channel/{made['SessionId']}")
            query = dict(part.split("=", 1) for part in url.query.split("&"))
            self.assertEqual(query["role"], "publish_subscribe")
            self.assertRegex(query["cell-number"], r"^AAEAA.*[+/=]")

    def test_a_command_runs_and_its_output_is_exact(self):
        client = cloudshell.client("ap-southeast-1")
        environment = cloudshell.running(client)
        with cloudshell.open_session(client, environment) as made:
            printed = cloudshell.run_in_terminal(made, "echo hello; printf '%s' \"$AWS_EXECUTION_ENV\"")
        self.assertEqual(printed, b"hello\r\nCloudShell")

    def test_a_deleted_session_cannot_be_opened(self):
        client = cloudshell.client("ap-southeast-2")
        environment = cloudshell.running(client)
        with cloudshell.open_session(client, environment) as made:
            pass
        with self.assertRaisesRegex(AssertionError, "closed"):
            cloudshell.run_in_terminal(made, "echo hello")

    def test_a_tab_needs_a_uuid_of_version_4(self):
        client = cloudshell.client("ap-northeast-1")
        environment = cloudshell.running(client)
        for tab in [{}, {"TabId": "tab"}, {"TabId": str(uuid.uuid1())}]:
            request = {"EnvironmentId": environment, "SessionType": "TMUX", **tab}
            self.assertEqual(cloudshell.refusal(client.create_session, **request)[0], 400, json.dumps(tab))

    @unittest.skipUnless(shutil.which("tmux"), "needs tmux")
    def test_a_tab_is_a_session_too(self):
        client = cloudshell.client("ap-northeast-3")
        environment = cloudshell.running(client)
        tab = {"SessionType": "TMUX", "TabId": str(uuid.uuid4()), "QCliDisabled": True}
        made = client.create_session(EnvironmentId=environment, **tab)
        client.delete_session(EnvironmentId=environment, SessionId=made["SessionId"])

    def test_a_region_has_ten_shells(self):
        client = cloudshell.client("ap-northeast-2")
        environment = cloudshell.running(client)
        first, *_ = [client.create_session(EnvironmentId=environment)["SessionId"] for _ in range(10)]
        status, _ = cloudshell.refusal(client.create_session, EnvironmentId=environment)
        self.assertIn(status, range(400, 500))
        client.delete_session(EnvironmentId=environment, SessionId=first)
        client.create_session(EnvironmentId=environment)


if __name__ == "__main__":
    unittest.main()
