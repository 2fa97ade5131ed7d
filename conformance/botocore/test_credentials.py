"""Shows that only the right signature gets in, and that console credentials need a token of the console."""

import unittest

import cloudshell


class Signatures(unittest.TestCase):
    def setUp(self):
        self.known = cloudshell.session().get_credentials()

    def status_as(self, key_id, secret):
        client = cloudshell.client("sa-east-1", key_id, secret)
        return cloudshell.refusal(client.describe_environments)[0]

    def test_a_wrong_secret_is_refused(self):
        self.assertEqual(self.status_as(self.known.access_key, "guessed"), 403)

    def test_an_unknown_key_is_refused(self):
        self.assertEqual(self.status_as("AKIAUNKNOWN", self.known.secret_key), 403)


class ConsoleCredentials(unittest.TestCase):
    def test_they_need_a_token_of_the_console(self):
        client = cloudshell.client("eu-south-1")
        environment = cloudshell.running(client)
        token = client.redeem_code(
            AuthCode="code",
            CodeVerifier="verifier",
            EnvironmentId=environment,
            KeyBase="base",
            RedirectUri="https://auth.cloudshell.eu-south-1.aws.amazon.com/callback.js?state=1",
        )["RefreshToken"]
        answer = client.put_credentials(EnvironmentId=environment, KeyBase="base", RefreshToken=token)
        self.assertEqual(list(answer), ["ResponseMetadata"])
        request = {"EnvironmentId": environment, "KeyBase": "base", "RefreshToken": "made up"}
        self.assertEqual(cloudshell.refusal(client.put_credentials, **request)[1], "TokenDecryptionException")


if __name__ == "__main__":
    unittest.main()
