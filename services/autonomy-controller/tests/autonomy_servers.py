"""What the tests on servers share."""

from flyball.schemas.topics import BY_NAME, Topic

SERVICE_TOKEN, AGENT_TOKEN = "token-of-the-services", "token-of-the-agents"
REPLIES = Topic(
    name="agent.replies.tests",
    description="Answers to these tests.",
    model=BY_NAME["agent.decisions.v1"].model,
    key="system",
    producers=(),
    consumers=(),
    partitions=2,
)
