"""A contract for import-linter: two sides that know what they share, and not each other.

It names the modules of the write side and the shared ones; all others are of the read side. So no
module is on no side, and a new one that imports across is found before anybody has listed it.
"""

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class SidesContract(Contract):
    """Forbid imports from one side to the other, and from what is shared to either."""

    write = fields.SetField(subfield=fields.ModuleField())
    shared = fields.SetField(subfield=fields.ModuleField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        write = {module.name for module in self.write}
        shared = {module.name for module in self.shared}
        roots = set(self.session_options["root_packages"])

        def side(module: str) -> str:
            return "write" if module in write else "shared" if module in shared else "read"

        across = [
            f"{importer} ({side(importer)}) imports {imported} ({side(imported)})"
            # A root package only loads its names, each when it is used.
            for importer in sorted(graph.modules - roots)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not graph.is_module_squashed(imported)
            and side(imported) not in {side(importer), "shared"}
        ]
        unknown = [
            f"there is no module {module}" for module in sorted((write | shared) - graph.modules)
        ]
        return ContractCheck(kept=not (across or unknown), metadata={"faults": across + unknown})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for fault in check.metadata["faults"]:
            output.print_error(f"- {fault}", bold=False)
        output.new_line()
