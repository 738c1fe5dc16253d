"""What is recorded: the same few calls with the OpenAI client, LangChain, the OpenAI Agents SDK and Pydantic AI."""

import asyncio
from contextlib import suppress

MODEL = "gpt-5-mini"
BROKEN = "gpt-unavailable"
QUESTION = "What is the weather in Berlin?"
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def openai_client() -> None:
    """Chat with a tool offered, a streamed chat, Responses plain and streamed, embeddings, and a call that fails."""
    import openai

    client = openai.OpenAI(max_retries=0)
    asked = [{"role": "user", "content": QUESTION}]
    client.chat.completions.create(model=MODEL, messages=asked, tools=[TOOL])
    for _ in client.chat.completions.create(
        model=MODEL, messages=asked, stream=True, stream_options={"include_usage": True}
    ):
        pass
    client.responses.create(model=MODEL, input=QUESTION)
    for _ in client.responses.create(model=MODEL, input=QUESTION, stream=True):
        pass
    client.embeddings.create(model="text-embedding-3-small", input=QUESTION)
    with suppress(openai.APIStatusError):
        client.chat.completions.create(model=BROKEN, messages=asked)


def openai_agents() -> None:
    """An agent that calls a tool and answers, then one whose model fails."""
    from agents import Agent, Runner, function_tool, set_tracing_export_api_key

    set_tracing_export_api_key("none")

    @function_tool
    def weather(city: str) -> str:
        return f"Sunny in {city}"

    async def run() -> None:
        await Runner.run(Agent(name="Weather Guide", instructions="Help.", tools=[weather], model=MODEL), QUESTION)
        with suppress(Exception):
            await Runner.run(Agent(name="Weather Guide", instructions="Help.", model=BROKEN), QUESTION)

    asyncio.run(run())


def langchain() -> None:
    """An agent that calls a tool and answers, then a model that fails."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"Sunny in {city}"

    model = ChatOpenAI(model=MODEL, max_retries=0)
    agent = create_agent(model, [weather], name="weather_guide")
    agent.invoke({"messages": [{"role": "user", "content": QUESTION}]})
    with suppress(Exception):
        ChatOpenAI(model=BROKEN, max_retries=0).invoke(QUESTION)


def pydantic_ai() -> None:
    """An agent that calls a tool and answers, a streamed answer, and an agent whose model fails."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel

    agent = Agent(OpenAIChatModel(MODEL), name="weather_guide")

    @agent.tool_plain
    def weather(city: str) -> str:
        return f"Sunny in {city}"

    async def run() -> None:
        await agent.run(QUESTION)
        async with Agent(OpenAIChatModel(MODEL), name="weather_guide").run_stream(QUESTION) as answer:
            await answer.get_output()
        with suppress(Exception):
            await Agent(OpenAIChatModel(BROKEN), name="weather_guide").run(QUESTION)

    asyncio.run(run())
