"""What a test adds to the file of `--junitxml` by pytest's fixtures."""

from __future__ import annotations

from typing import Any, Dict, List, Optional


class Junit:
    """Made before the first run. Nothing is added without `--junitxml`, and in the workers of pytest-xdist."""

    def __init__(self, item: Any) -> None:
        plugins = item.config.pluginmanager.get_plugins()
        file = next((one for one in plugins if type(one).__name__ == "LogXML"), None)
        #: The properties of the whole file, to which tests add.
        self.properties: Optional[List[Any]] = getattr(file, "global_properties", None)
        self._entry: Any = None if file is None else file.node_reporter(item.nodeid)
        self._left: Optional[Dict[str, str]] = None

    def take(self) -> None:
        """Notes the attributes as the first run has left them."""
        if self._left is None and self._attributes():
            self._left = dict(self._attributes())

    def put_back(self) -> None:
        """Restores these attributes."""
        if self._left is not None:
            self._attributes().update(self._left)

    def _attributes(self) -> Dict[str, str]:
        attributes: Dict[str, str] = getattr(self._entry, "attrs", {})
        return attributes
