"""Keys and tokens, by the marks that their makers put on them so that they can be found."""

from collections.abc import Sequence

from telemetry_ingest.masking.forms import KEY, Form, form

START, END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z_-])"
MARKS = (
    "sk-", "_live_", "_test_", "gh", "github_pat_", "glpat-", "xox", "AKIA", "ASIA", "AIza", "eyJ", "hf_", "npm_",
    "pypi-", "SG.", "PRIVATE KEY", "://", "earer ", "assword", "asswd", "ecret", "oken", "pi_key", "pi-key", "pikey",
)  # fmt: skip
"""A text without any of them holds no key that we know of."""
SECRETS: Sequence[Form] = (
    form(KEY, r"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]{0,65536}?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|\Z)"),
    form(KEY, START + r"sk-(?:proj|svcacct|admin|ant|or)-[0-9A-Za-z_-]{20,256}" + END),
    form(KEY, START + r"sk-[0-9A-Za-z]{32,128}" + END),
    form(KEY, START + r"(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{16,128}" + END),
    form(KEY, START + r"gh[pousr]_[0-9A-Za-z]{36,255}" + END),
    form(KEY, START + r"github_pat_[0-9A-Za-z_]{40,255}" + END),
    form(KEY, START + r"glpat-[0-9A-Za-z_-]{20,64}" + END),
    form(KEY, START + r"xox[abeoprs]-[0-9A-Za-z-]{10,255}" + END),
    form(KEY, START + r"(?:AKIA|ASIA)[0-9A-Z]{16}" + END),
    form(KEY, START + r"AIza[0-9A-Za-z_-]{35}" + END),
    form(KEY, START + r"hf_[0-9A-Za-z]{30,64}" + END),
    form(KEY, START + r"npm_[0-9A-Za-z]{36}" + END),
    form(KEY, START + r"pypi-[0-9A-Za-z_-]{50,255}" + END),
    form(KEY, START + r"SG\.[0-9A-Za-z_-]{16,64}\.[0-9A-Za-z_-]{16,64}" + END),
    form(KEY, START + r"eyJ[0-9A-Za-z_-]{8,4096}\.eyJ[0-9A-Za-z_-]{8,4096}\.[0-9A-Za-z_-]{0,1024}"),
    form(KEY, r"(?<=://)[^\s/:@\"]{1,128}:[^\s/@\"]{1,256}(?=@)"),
    form(KEY, r"(?<=[Bb]earer )(?=[^\s\"]{0,64}[0-9])[0-9A-Za-z._~+/-]{20,4096}=*"),
    form(
        KEY,
        r"(?i:(?<=password=)|(?<=passwd=)|(?<=secret=)|(?<=token=)|(?<=api_key=)|(?<=api-key=)|(?<=apikey=))"
        r"(?=[^\s\"&;,]{0,64}[0-9])[^\s\"&;,]{8,1024}",
    ),
)
