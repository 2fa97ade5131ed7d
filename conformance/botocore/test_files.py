"""Shows that a file goes both ways past the terminal: through the form and the address of getFileUploadUrls."""

import base64
import hashlib
import shlex
import unittest

import cloudshell
import urllib3

ALGORITHM = "x-amz-server-side-encryption-customer-algorithm"
KEY = "x-amz-server-side-encryption-customer-key"
TIME_MAX = urllib3.Timeout(total=30)


class Files(unittest.TestCase):
    def setUp(self):
        self.client = cloudshell.client("eu-west-3")
        self.environment = cloudshell.running(self.client)
        self.urls = self.client.get_file_upload_urls(EnvironmentId=self.environment, FileUploadPath="a file")
        self.key = {ALGORITHM: "AES256", KEY: self.urls["FileDownloadPresignedKey"]}
        self.http = urllib3.PoolManager(timeout=TIME_MAX, retries=False)

    def post(self, fields, content):
        form = {**fields, "file": ("a file", content)}
        return self.http.request("POST", self.urls["FileUploadPresignedUrl"], fields=form)

    def get(self, headers):
        return self.http.request("GET", self.urls["FileDownloadPresignedUrl"], headers=headers)

    def test_what_is_uploaded_comes_back(self):
        content = bytes(range(256)) * 4096
        self.assertEqual(self.post(self.urls["FileUploadPresignedFields"], content).status, 204)
        fetched = self.get(self.key)
        self.assertEqual(fetched.status, 200)
        self.assertTrue(fetched.data == content, f"{len(fetched.data)} bytes differ from what was sent")

    def test_the_shell_fetches_it_too(self):
        content = b"every \0 byte \xff counts"
        self.assertEqual(self.post(self.urls["FileUploadPresignedFields"], content).status, 204)
        headers = [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.key.items()]
        url = shlex.quote(self.urls["FileDownloadPresignedUrl"])
        with cloudshell.open_session(self.client, self.environment) as made:
            command = f"curl --silent --fail {' '.join(headers)} {url} | base64 --wrap 0"
            printed = cloudshell.run_in_terminal(made, command)
        self.assertEqual(printed, base64.b64encode(content))

    def test_the_hash_is_the_keys(self):
        key = base64.b64decode(self.urls["FileDownloadPresignedKey"])
        self.assertEqual(len(key), 32)
        expected = base64.b64encode(hashlib.md5(key).digest()).decode()
        self.assertEqual(self.urls["FileDownloadPresignedKeyHash"], expected)

    def test_nothing_goes_without_the_key(self):
        fields = self.urls["FileUploadPresignedFields"]
        without_key = {name: value for name, value in fields.items() if name.lower() != KEY}
        self.assertEqual(len(without_key), len(fields) - 1)
        self.assertIn(self.post(without_key, b"x").status, range(400, 500))
        self.assertEqual(self.post(fields, b"x").status, 204)
        self.assertIn(self.get({}).status, range(400, 500))
        other = base64.b64encode(bytes(32)).decode()
        self.assertIn(self.get({**self.key, KEY: other}).status, range(400, 500))


if __name__ == "__main__":
    unittest.main()
