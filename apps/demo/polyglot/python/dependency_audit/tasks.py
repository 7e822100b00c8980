"""The tasks that a runner of this part offers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from spanloom import Retry, TaskContext, task

from .manifest import Manifest, ManifestError, read_manifest
from .package_files import WalkedFile, WalkedFiles, hash_files, walk_files
from .work_folder import hashes_name, listing_name, read_work, write_work

# A package with more files than this is hashed by subtasks of at most this many files each.
FILES_PER_TASK = 400

_RETRY = Retry(max_attempts=3, initial_delay=0.2)


class FoundPackage(TypedDict):
    """A package by its place."""

    path: str
    name: str


class AuditPackage(TypedDict):
    """Input of the audit of one package."""

    dir: str
    workDir: str
    target: FoundPackage


# A class has no field of the name "from".
AuditFiles = TypedDict(
    "AuditFiles",
    {"packageDir": str, "workDir": str, "listing": str, "from": int, "to": int, "hashes": str},
)


@task(name="audit-files", retry=_RETRY)
def audit_files(given: AuditFiles, ctx: TaskContext) -> dict[str, int]:
    """Hashes a range of a large package's files. Output: how many."""
    listing = read_work(Path(given["workDir"]), given["listing"])
    files = [WalkedFile(**each) for each in listing[given["from"] : given["to"]]]
    _hash(Path(given["packageDir"]), files, Path(given["workDir"]), given["hashes"], ctx)
    return {"files": len(files)}


@task(name="audit-package", retry=_RETRY)
def audit_package(given: AuditPackage, ctx: TaskContext) -> dict[str, Any]:
    """Audits one package: reads its manifest, walks its files and hashes them, or has subtasks hash them."""
    target = given["target"]
    package = Path(given["dir"], target["path"])
    manifest, manifest_error = _inspect_manifest(package, target, ctx)
    with ctx.span("walk files") as span:
        walked = walk_files(package)
        span.set_attributes({"audit.files": len(walked.files), "audit.skipped": walked.skipped})
    if len(walked.files) > FILES_PER_TASK:
        hashes = _split(given, walked, ctx)
    else:
        hashes = [hashes_name(target["path"])]
        _hash(package, walked.files, Path(given["workDir"]), hashes[0], ctx)
    unreadable = [f'has unreadable folder "{path}"' for path in walked.unreadable]
    return {
        "path": target["path"],
        "name": target["name"],
        "version": manifest.version,
        "licence": manifest.licence,
        "files": len(walked.files),
        "bytes": sum(file.bytes for file in walked.files),
        "manifestError": manifest_error,
        "problems": manifest.problems + unreadable,
        "hashes": hashes,
    }


def _inspect_manifest(package: Path, target: FoundPackage, ctx: TaskContext) -> tuple[Manifest, str]:
    try:
        with ctx.span("read manifest"):
            return read_manifest(package, target["name"]), ""
    except ManifestError as error:
        # A broken manifest is a finding of the audit, not a failure of it: the span keeps the exception.
        ctx.log.warn("broken manifest", package=target["path"], reason=str(error))
        return Manifest(), str(error)


def _hash(package: Path, files: list[WalkedFile], work_dir: Path, name: str, ctx: TaskContext) -> None:
    with ctx.span("hash files", {"audit.bytes": sum(file.bytes for file in files)}):
        hashed = []
        for each in hash_files(package, files):
            ctx.check()
            hashed.append(each)
            ctx.progress(len(hashed), len(files), "files")
        write_work(work_dir, name, hashed, f"{ctx.task_id}-{ctx.attempt}")


def _split(given: AuditPackage, walked: WalkedFiles, ctx: TaskContext) -> list[str]:
    """Leaves the list of files in the work folder, as it may exceed an input's limit, and gives subtasks ranges."""
    path, count = given["target"]["path"], len(walked.files)
    listing = listing_name(path)
    files = [asdict(file) for file in walked.files]
    write_work(Path(given["workDir"]), listing, files, f"{ctx.task_id}-{ctx.attempt}")
    shards = [
        {
            "packageDir": str(Path(given["dir"], path)),
            "workDir": given["workDir"],
            "listing": listing,
            "from": start,
            "to": min(start + FILES_PER_TASK, count),
            "hashes": hashes_name(path, shard),
        }
        for shard, start in enumerate(range(0, count, FILES_PER_TASK))
    ]
    ctx.submit_many(audit_files, shards)
    ctx.log.info("split a large package", package=path, files=count, shards=len(shards))
    return [str(shard["hashes"]) for shard in shards]
