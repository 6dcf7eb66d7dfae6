# SPDX-License-Identifier: Apache-2.0
import pytest

from house import ROOT, make


@pytest.fixture(scope="session")
def debs():
    """The folder of the packages of this tree, built once."""
    make("deb")
    return ROOT / "build" / "deb"
