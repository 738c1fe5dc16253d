"""``python scenarios NAME ENDPOINT``: run one program under one instrumentation and send its telemetry to ENDPOINT."""

import sys
from collections.abc import Callable

import programs
from telemetry import start


def genai_openai() -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    programs.openai_client()


def genai_openai_agents() -> None:
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    from opentelemetry.instrumentation.genai.openai_agents import OpenAIAgentsInstrumentor

    OpenAIInstrumentor().instrument()
    OpenAIAgentsInstrumentor().instrument(disable_openai_trace_export=True)
    programs.openai_agents()


def openai_agents_v2() -> None:
    from agents.tracing import set_trace_processors
    from opentelemetry.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    set_trace_processors([])
    OpenAIAgentsInstrumentor().instrument()
    programs.openai_agents()


def genai_langchain() -> None:
    from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument()
    programs.langchain()


def openinference_openai() -> None:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    programs.openai_client()


def openinference_langchain() -> None:
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument()
    programs.langchain()


def openllmetry_openai() -> None:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument()
    programs.openai_client()


def openllmetry_langchain() -> None:
    from opentelemetry.instrumentation.langchain import LangchainInstrumentor

    LangchainInstrumentor().instrument()
    programs.langchain()


def pydantic_ai() -> None:
    from pydantic_ai import Agent

    Agent.instrument_all()
    programs.pydantic_ai()


SCENARIOS: dict[str, Callable[[], None]] = {
    scenario.__name__: scenario
    for scenario in (
        genai_openai,
        genai_openai_agents,
        genai_langchain,
        openai_agents_v2,
        openinference_openai,
        openinference_langchain,
        openllmetry_openai,
        openllmetry_langchain,
        pydantic_ai,
    )
}


def main(name: str, endpoint: str) -> None:
    spans, logs = start(endpoint, "weather-service")
    SCENARIOS[name]()
    spans.shutdown()
    logs.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
