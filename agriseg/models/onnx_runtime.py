"""ONNX Runtime, imported in one place so that it tells nobody about it.

From version 1.29 on the package reports usage over the network, and keeps a number for the
computer in the user's cache folder, unless the environment says otherwise before it is imported
(https://github.com/microsoft/onnxruntime/pull/29843). A sprayer in a field reports to nobody.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from agriseg.errors import ModelFileError


def require(package: str, extra: str = "onnx") -> Any:
    """Import an optional package that is, or uses, ONNX Runtime.

    Raises
    ------
    ModelFileError
        It is not installed; the message says how to install it.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ModelFileError(
            f"the package {package} is not installed; run `pip install 'agriseg[{extra}]'`"
        ) from error
