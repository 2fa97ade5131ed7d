"""Shows that environments are made, found, stopped, started and deleted as the service's facts say."""

import unittest
import uuid

import cloudshell

VPC = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}


def is_empty_object(answer):
    """Whether an answer was `{}`, which is more than no bytes at all."""
    return list(answer) == ["ResponseMetadata"] and (
        answer["ResponseMetadata"]["HTTPHeaders"]["content-length"] == "2"
    )


class DefaultEnvironment(unittest.TestCase):
    def test_it_is_made_once_and_listed_without_name_or_network(self):
        client = cloudshell.client("us-east-1")
        self.assertEqual(client.describe_environments()["Environments"], [])
        made = client.create_environment()
        environment = made["EnvironmentId"]
        self.assertEqual(str(uuid.UUID(environment)), environment)
        self.assertIn(made["Status"], ["CREATING", "RUNNING"])
        cloudshell.wait_for(client, environment, "RUNNING")
        again = client.create_environment()
        self.assertEqual((again["EnvironmentId"], again["Status"]), (environment, "RUNNING"))
        self.assertEqual(client.describe_environments()["Environments"], [{"EnvironmentId": environment}])

    def test_it_belongs_to_its_region(self):
        here, elsewhere = cloudshell.client("us-east-2"), cloudshell.client("us-west-1")
        environment = cloudshell.running(here)
        self.assertEqual(elsewhere.describe_environments()["Environments"], [])
        status, _ = cloudshell.refusal(elsewhere.get_environment_status, EnvironmentId=environment)
        self.assertEqual(status, 404)

    def test_it_sleeps_and_wakes_only_in_the_right_states(self):
        client = cloudshell.client("us-west-2")
        environment = cloudshell.running(client)
        with self.assertRaises(client.exceptions.ClientError) as caught:
            client.start_environment(EnvironmentId=environment)
        error = caught.exception.response
        self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)
        self.assertEqual(
            (error["Error"]["Code"], error["Error"]["Message"]),
            ("InvalidStatusException", "Expected the environment status to be in SUSPENDED."),
        )

        stopped = client.stop_environment(EnvironmentId=environment)
        self.assertEqual(stopped["EnvironmentId"], environment)
        cloudshell.wait_for(client, environment, "SUSPENDED")
        self.assertEqual(client.create_environment()["Status"], "SUSPENDED")
        refused = cloudshell.refusal(client.create_session, EnvironmentId=environment)
        self.assertEqual(refused, (400, "InvalidStatusException"))

        started = client.start_environment(EnvironmentId=environment)
        self.assertEqual(started["EnvironmentId"], environment)
        self.assertIn(started["Status"], ["RESUMING", "RUNNING"])
        cloudshell.wait_for(client, environment, "RUNNING")
        self.assertTrue(is_empty_object(client.send_heart_beat(EnvironmentId=environment)))

    def test_its_home_outlives_sleep_but_not_deletion(self):
        client = cloudshell.client("ca-central-1")
        environment = cloudshell.running(client)
        with cloudshell.open_session(client, environment) as made:
            cloudshell.run_in_terminal(made, "echo kept > kept")
        client.stop_environment(EnvironmentId=environment)
        cloudshell.wait_for(client, environment, "SUSPENDED")
        self.assertEqual(cloudshell.running(client), environment)
        with cloudshell.open_session(client, environment) as made:
            self.assertEqual(cloudshell.run_in_terminal(made, "cat kept"), b"kept\r\n")

        self.assertTrue(is_empty_object(client.delete_environment(EnvironmentId=environment)))
        status, _ = cloudshell.refusal(client.get_environment_status, EnvironmentId=environment)
        self.assertEqual(status, 404)
        other = cloudshell.running(client)
        self.assertNotEqual(other, environment)
        with cloudshell.open_session(client, other) as made:
            self.assertEqual(cloudshell.run_in_terminal(made, "cat kept 2>/dev/null"), b"")


class VpcEnvironment(unittest.TestCase):
    def test_it_has_a_name_and_a_network(self):
        client = cloudshell.client("eu-west-1")
        environment = client.create_environment(EnvironmentName="one", VpcConfig=VPC)["EnvironmentId"]
        listed = {"EnvironmentId": environment, "EnvironmentName": "one", "VpcConfig": VPC}
        self.assertEqual(client.describe_environments()["Environments"], [listed])
        cloudshell.wait_for(client, environment, "RUNNING")
        status = client.get_environment_status(EnvironmentId=environment)
        self.assertEqual({name: status[name] for name in listed}, listed)

    def test_names_and_numbers_are_limited(self):
        client = cloudshell.client("eu-west-2")

        def create(name, **changed):
            return client.create_environment(EnvironmentName=name, VpcConfig={**VPC, **changed})

        def is_refused(name, **changed):
            return cloudshell.refusal(create, name=name, **changed)[0] == 400

        create("first")
        self.assertTrue(is_refused("first"), "the same name again")
        self.assertTrue(is_refused("x" * 29), "a long name")
        self.assertTrue(is_refused("groups", SecurityGroupIds=[f"sg-{n}" for n in range(6)]), "six groups")
        self.assertTrue(is_refused("subnets", SubnetIds=[]), "no subnet")
        create("x" * 28, SecurityGroupIds=[f"sg-{n}" for n in range(5)])
        self.assertTrue(is_refused("third"), "a third one")


if __name__ == "__main__":
    unittest.main()
