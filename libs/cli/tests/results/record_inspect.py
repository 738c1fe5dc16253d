"""Runs inspect_ai on its own mock model and writes its log in both of its formats: record_inspect.py FOLDER."""

import sys

import inspect_ai
import tiktoken
from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import Score, accuracy, includes, match, mean, scorer


class Words:
    """Counts words where the tool would fetch a table of tokens from the network."""

    def encode(self, text, **_):
        return text.split()


tiktoken.get_encoding = lambda _name: Words()
SAMPLES = [("What is 2 + 2?", "4"), ("The capital of France?", "Paris"), ("The capital of Germany?", "Berlin")]
ANSWERS = ["4", "It is Paris, of course", "Bonn"]


@scorer(metrics={"brevity": [mean()], "tone": [mean()]})
def style():
    async def score(state, target):
        return Score(value={"brevity": 1 / len(state.output.completion.split()), "tone": 0.5})

    return score


@scorer(metrics=[accuracy()])
def characters():
    async def score(state, target):
        return Score(value=len(state.output.completion))

    return score


folder = sys.argv[1]
task = Task(
    dataset=[Sample(input=question, target=answer, id=f"sample-{at}") for at, (question, answer) in enumerate(SAMPLES)],
    scorer=[match(), includes(), style(), characters()],
    name="capitals",
)
outputs = [ModelOutput.from_content("mockllm/model", answer) for answer in ANSWERS]
model = get_model("mockllm/model", custom_outputs=outputs)
[log] = inspect_ai.eval(task, model=model, log_dir=folder, log_format="eval", display="none", max_samples=1)
log = read_eval_log(log.location)
for sample in log.samples:
    sample.events = []  # most of the file, and none of it concerns a score
write_eval_log(log, f"{folder}/log.json")
