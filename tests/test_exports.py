import subprocess
import sys
import types

import qa


def test_the_public_names_are_pinned() -> None:
    assert qa.__all__ == ["QAError", "Retriever", "build_index", "evaluate", "read_documents", "split_document"]


def test_every_public_name_is_what_it_says() -> None:
    for name in qa.__all__:
        public = getattr(qa, name)
        assert public.__name__ == name
        assert not isinstance(public, types.ModuleType)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(qa, "chunk")


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "faiss", "gradio", "numpy", "sentence_transformers")
    code = f"import qa, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_retrieving_does_not_load_torch() -> None:
    code = "import sys; from qa import Retriever; import qa.show; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
