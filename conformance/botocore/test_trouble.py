"""Shows that botocore takes the emulator's troubles for those of a service of AWS: what to retry, and what not to."""

import unittest

import cloudshell


def retries(answer):
    return answer["ResponseMetadata"]["RetryAttempts"]


class Trouble(unittest.TestCase):
    def test_throttling_is_retried(self):
        client = cloudshell.client("eu-central-2", attempts=5)
        effect = {"throttle": {"retry_after_s": 0}}
        cloudshell.pull("fail_api", region="eu-central-2", times=2, effect=effect)
        self.assertEqual(retries(client.describe_environments()), 2)

    def test_an_error_of_the_service_is_retried(self):
        client = cloudshell.client("eu-south-2", attempts=5)
        refusal = {"status": 500, "code": "InternalServerException", "message": "Try again."}
        cloudshell.pull("fail_api", region="eu-south-2", times=2, effect={"refuse": refusal})
        self.assertEqual(retries(client.describe_environments()), 2)

    def test_a_wrong_status_is_not_retried(self):
        client = cloudshell.client("il-central-1", attempts=5)
        environment = cloudshell.running(client)
        with self.assertRaises(client.exceptions.ClientError) as caught:
            client.start_environment(EnvironmentId=environment)
        self.assertEqual(retries(caught.exception.response), 0)

    def test_a_creation_that_fails_says_why(self):
        client = cloudshell.client("me-south-1")
        cloudshell.pull("spoil_creations", region="me-south-1", failing=1)
        environment = client.create_environment()["EnvironmentId"]
        cloudshell.wait_for(client, environment, "CREATION_FAILED")
        status = client.get_environment_status(EnvironmentId=environment)
        self.assertRegex(status["StatusReason"], r"\w")
        code = cloudshell.refusal(client.create_session, EnvironmentId=environment)[1]
        self.assertEqual(code, "InvalidStatusException")

    def test_without_hours_it_falls_asleep_and_does_not_wake(self):
        client = cloudshell.client("af-south-1")
        environment = cloudshell.running(client)
        cloudshell.pull("exhaust_hours", region="af-south-1")
        cloudshell.wait_for(client, environment, "SUSPENDED")
        status, code = cloudshell.refusal(client.start_environment, EnvironmentId=environment)
        self.assertIn(status, range(400, 500))
        self.assertNotEqual(code, "InvalidStatusException")


if __name__ == "__main__":
    unittest.main()
