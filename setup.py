"""Names, versions, requirements. The build system and the tools are in `pyproject.toml`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
README = HERE / "README.md"
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "tvm_litecoop" / "_version.py").read_text("utf-8"))[1]

setup(
    name="tvm_litecoop",
    version=VERSION,
    description="Tune Apache TVM programs with a pool of language models that share one search tree",
    long_description=README.read_text("utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    packages=[*find_packages(include=["tvm_litecoop", "tvm_litecoop.*"]), *find_packages("python")],
    package_dir={"tvm_litecoop": "tvm_litecoop", "litecoop_bench": "python/litecoop_bench"},
    package_data={
        "tvm_litecoop": ["py.typed", "audition/states.json", "report/page/*"],
        "litecoop_bench": ["grids/*.toml", "simulated/*.toml"],
    },
    zip_safe=False,
    install_requires=[
        # These two crash in any other combination; tvm_litecoop/compat.py has the measured pairs.
        "apache-tvm>=0.26,<0.28",
        "apache-tvm-ffi>=0.1.14.post0,<0.1.15",
        # TVM leaves these to extras, but tuning needs them: its cost model, its worker processes.
        "xgboost",
        "cloudpickle",
        "psutil",
        # Ours.
        "numpy",
        "openai>=1.17",  # DefaultHttpxClient
        "pydantic>=2",  # model_json_schema
        "rich",
        "threadpoolctl",  # one BLAS thread for small matrices
        "tomli; python_version < '3.11'",  # tomllib in the standard library from 3.11 on
    ],
    extras_require={
        "hf": ["accelerate", "gguf", "llguidance", "torch", "transformers"],
        "onnx": ["onnx", "onnxruntime"],
        "torch": ["torch"],
        "bench": ["matplotlib"],
        "docs": ["mkdocs>=1.6,<2", "mkdocs-material>=9.7,<10", "mkdocstrings[python]>=1,<2"],
        "dev": [
            "hypothesis",
            "ipykernel",  # with nbclient: a notebook, for its test
            "matplotlib",
            "mypy",
            "nbclient",
            "pandas",  # what TVM shows in a notebook
            "pytest",
            "pytest-timeout",
            "pytest-xdist",  # files of tests side by side
            "ruff",
            "setuptools",
        ],
    },
    entry_points={
        "console_scripts": ["litecoop = tvm_litecoop.cli:main"],
        # The group "tvm_litecoop.models" is reserved: other packages name their model providers there.
    },
)
