"""The analyzer: Google's ZetaSQL, compiled to WebAssembly and called with its own protocol buffers."""

from __future__ import annotations

import ctypes
from functools import cache

from wasmtime import Config, Engine, Linker, Module, Store, WasiConfig
from zetasql.core.wasm_client import WasmClient, get_tzinfo_dir
from zetasql.wasi import get_wasm_path


class ZetaSql(WasmClient):
    """The package's client, with the machine code kept between processes and memory copied whole.

    Compiling takes half a minute of CPU; wasmtime keeps the result in the user's cache folder, under a digest of the
    WebAssembly and the compiler. An analysis takes milliseconds, so that no verdict needs to be kept.
    """

    def __init__(self) -> None:
        config = Config()
        config.shared_memory = True
        config.cache = True
        engine = Engine(config)
        wasi = WasiConfig()
        wasi.inherit_stderr()
        wasi.preopen_dir(get_tzinfo_dir(), "/usr/share/zoneinfo")
        self.store = Store(engine)
        self.store.set_wasi(wasi)
        linker = Linker(engine)
        linker.define_wasi()
        module = Module.from_file(engine, str(get_wasm_path()))
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.exports["_initialize"](self.store)
        self.memory = self.exports["memory"]

    def write_bytes(self, ptr: int, data: bytes) -> None:
        """Copy `data` into the memory of the analyzer."""
        ctypes.memmove(self._address(ptr), data, len(data))

    def read_bytes(self, ptr: int, size: int) -> bytes:
        """Copy out of the memory of the analyzer."""
        return ctypes.string_at(self._address(ptr), size)

    def _address(self, ptr: int) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents) + ptr


@cache
def analyzer() -> ZetaSql:
    """Return the analyzer of this process."""
    return ZetaSql()
