"""A repository in S3, over TLS under an authority of our own: backed up, verified, restored alone, damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from tests.integration import backups
from wellhouse.crypto.keyring import Keyring
from wellhouse.ops import backup, bootstrap, certificates, cluster, copies, drill, pgbackrest, restore

BUCKET = "backups"


@pytest.fixture
def store(
    tmp_path: Path, unused_ports: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Path]]:
    """S3 behind TLS; keys, endpoint and authority as every AWS tool finds them."""
    (port,) = unused_ports(1)
    authority = Path("/tmp") / f"wellhouse-s3-{os.getpid()}.crt"  # noqa: S108 - the server's user reads it
    certificates.ensure(tmp_path, "localhost")
    shutil.copy(tmp_path / "ca.crt", authority)
    authority.chmod(0o644)
    server = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("s3_server.py"), str(port), tmp_path / "superset.crt",
         tmp_path / "superset.key"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for name, value in {
        "AWS_ACCESS_KEY_ID": "made", "AWS_SECRET_ACCESS_KEY": "up", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"https://localhost:{port}", "AWS_CA_BUNDLE": str(authority),
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",  # moto keeps a trailing checksum as part of the object
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    for _ in range(60):
        try:
            client.create_bucket(Bucket=BUCKET)
            break
        except Exception:
            assert server.poll() is None
            time.sleep(0.5)
    yield f"s3://{BUCKET}/wellhouse", authority
    server.terminate()
    server.wait(20)
    authority.unlink()


def test_a_repository_in_s3(store: tuple[str, Path], unused_ports: Callable[[int], list[int]], tmp_path: Path) -> None:
    place, _ = store
    folder = Path(tempfile.mkdtemp(prefix="wellhouse-fault-"))
    folder.chmod(0o711)
    with backups.small_cluster(folder, unused_ports(1)[0], repo1=place) as of:
        with Keyring.open(of) as ring:
            ring.create(5)
        (of.var / "recordings").mkdir()
        (of.var / "recordings" / "a.sealed").write_bytes(b"sealed" * 100)
        rows = backup.run(of)
        assert [row.reason for row in rows] == [None] * len(rows)
        time.sleep(2)
        (oracle,) = backups.oracles(of, 1, seed=4)
        assert drill.restored_differs(of, oracle, of.var / "restored", 1) == []
        shutil.rmtree(of.var / "restored")
        verified = backup.verify(of)
        assert [row.reason for row in verified if row.repo == 1] == [None] * 3
        assert copies.restore_files(of, (1,), tmp_path / "back").counts[1] >= 1
        assert (tmp_path / "back" / "recordings" / "a.sealed").read_bytes() == b"sealed" * 100
        assert pgbackrest.elsewhere(of) == [1]
        client = boto3.client("s3")
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [each["Key"] for page in pages for each in page["Contents"]]
        clear = [k for k in keys if b"PG_VERSION" in client.get_object(Bucket=BUCKET, Key=k)["Body"].read()]
        assert clear == [], "nothing in the bucket is in clear"
        segment = next(k for k in keys if "/archive/" in k and k.endswith(".zst"))
        body = bytearray(client.get_object(Bucket=BUCKET, Key=segment)["Body"].read())
        body[len(body) // 2] ^= 1
        client.put_object(Bucket=BUCKET, Key=segment, Body=bytes(body))
        assert pgbackrest.verify(of, 1) != []
        assert pgbackrest.verify(of, 2) == []
        assert restore.restore(of, oracle.at.isoformat(), of.var / "restored", 2).repo == 2
        assert bootstrap.wait(of) is None
        assert cluster.data(of).exists()
    print(f"a repository in S3 over TLS: {len(keys)} objects, none in clear; restored alone, 0 tables differ; one bit "
          "flipped: found")  # fmt: skip
