"""What else may happen to the pods of a release: each is done under load, and says what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Thread
from typing import Final, TypeAlias
from urllib.request import Request, urlopen

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from tests.deploy.rollout.pods import Restart
from tests.deploy.rollout.rendered import a_release
from tests.deploy.rollout.scene import Scene
from tests.torture.judge import Incident
from worker.sandbox.faults import RULES, Hang, Rule, Status

Done: TypeAlias = Iterator[str | Incident]
A_DEPLOYMENT: Final = {"workload": "Deployment", "config": {"kafka": {"session_timeout": "30s"}}}
AWAY: Final = 60.0  # seconds
SETTLED: Final = 8.0  # seconds in which a vendor's trouble has reached every flow
AFTERMATH: Final = 15.0


def rollout(scene: Scene) -> Done:
    """A changed setting: every pod is made anew."""
    scene.roll(a_release(scene.place, _concurrency(48)))
    yield f"{len(scene.restarts)} pods were restarted"


def deployment(scene: Scene) -> Done:
    """The same as a Deployment does it: no names, and a new pod as soon as an old one is told to stop."""
    scene.pods.template = a_release(scene.place, A_DEPLOYMENT, _concurrency(48))
    for number, pod in enumerate(list(scene.pods.pods)):
        told = time.time()
        pod.worker.terminate()
        new = scene.pods.add(f"deployment-{number}")
        code = pod.worker.ended()
        ended = time.time()
        new.until_ready()
        scene.pods.pods.remove(pod)
        scene.restarts.append(Restart(pod.name, told, ended, time.time(), code))
        time.sleep(scene.pods.template.min_ready)
    yield f"{len(scene.restarts)} pods were replaced"


def deployment_crash(scene: Scene) -> Done:
    """One of a Deployment's pods is killed, and another one begins at once: by a new name, so the group waits."""
    pod, killed = scene.pods.pods[1], time.time()
    pod.kill()
    scene.pods.pods.remove(pod)
    scene.pods.add("deployment-new")
    scene.until_owned()
    yield f"every partition has an owner {time.time() - killed:.1f} s later"
    yield Incident("crash", killed, time.time() + AFTERMATH)


def scale_out(scene: Scene) -> Done:
    """From three pods to six at once."""
    began = time.time()
    for _ in range(3):
        scene.pods.add()
    for pod in scene.pods.pods:
        pod.until_ready()
    took = scene.wait(lambda: all(scene.owned(pod) for pod in scene.pods.pods), "everybody has partitions")
    yield f"six pods with partitions of their own after {time.time() - began:.1f} s ({took:.1f} s after all were ready)"
    yield Incident("join", began, time.time() + AFTERMATH)


def scale_in(scene: Scene) -> Done:
    """From three pods to one at once; their partitions are free when their sessions are over."""
    yield from _scale_in(scene, lambda _: None)


def scale_in_told(scene: Scene) -> Done:
    """The same, and Kafka is told that they do not come back."""
    yield from _scale_in(scene, lambda names: _remove(scene, names))


def node_lost(scene: Scene) -> Done:
    """SIGKILL, and a process of the same name a minute later."""
    pod = scene.pods.pods[1]
    killed = time.time()
    pod.kill()
    time.sleep(AWAY)
    pod.start(scene.pods.template)
    pod.until_ready()
    yield f"{pod.name} was ready {time.time() - killed:.1f} s after it was killed"
    yield Incident("crash", killed, time.time() + AFTERMATH)


def same_name_twice(scene: Scene) -> Done:
    """A pod is deleted by force while its process goes on: another one has its name."""
    older = scene.pods.pods[1]
    began = time.time()
    scene.pods.add(older.name)
    code = older.worker.ended()
    ended = time.time()
    scene.pods.pods.remove(older)
    yield f"the older one ended with {code}, {ended - began:.1f} s after the newer one was begun"
    yield from (f"it said: {line['message']} {line.get('why', '')}" for line in older.worker.lines()[-2:])
    scene.pods.pods[-1].until_ready()
    yield Incident("crash", began, time.time() + AFTERMATH)


def kafka_away(scene: Scene) -> Done:
    """The broker is killed in the middle of a rollout, for a minute."""
    began = time.time()
    killing = Thread(target=scene.place.kafka.crash, args=(1, AWAY))
    scene.pods.template = a_release(scene.place, _concurrency(48))
    scene.restarts.append(scene.pods.restart(scene.pods.pods[2]))
    killing.start()
    told = time.time()
    code = scene.pods.pods[1].stop(scene.pods.template.grace)
    ended = time.time()
    yield f"told to stop while Kafka is away, it ended with {code} after {ended - told:.1f} s"
    scene.pods.pods[1].start(scene.pods.template)
    killing.join()
    back = time.time()
    scene.pods.pods[1].until_ready()
    yield f"ready {time.time() - back:.1f} s after Kafka was back"
    scene.until_owned()
    scene.restarts.append(scene.pods.restart(scene.pods.pods[0]))
    yield Incident("broker", began, time.time() + AFTERMATH)


def stops(scene: Scene) -> Done:
    """How long SIGTERM → exit takes while the vendors are well, slow, silent, and down."""
    troubles: Mapping[str, Rule] = {
        "well": Rule(delay=0.03),
        "answer after 9 s": Rule(delay=9.0),
        "never answer": Rule(do=Hang()),
        "answer 500": Rule(do=Status(500)),
        "answer 429": Rule(do=Status(429, headers={"Retry-After": "3"})),
    }
    began = time.time()
    for name, rule in troubles.items():
        _put(scene, rule)
        time.sleep(SETTLED)
        restart = scene.pods.restart(scene.pods.pods[2])
        yield f"vendors that {name}: stopped in {restart.stopping:.1f} s (exit {restart.code})"
        _put(scene, Rule(delay=0.03))
        time.sleep(SETTLED)
    yield Incident("stop", began, time.time() + AFTERMATH)


VARIANTS: Final[Mapping[str, Callable[[Scene], Done]]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        rollout,
        deployment,
        deployment_crash,
        scale_out,
        scale_in,
        scale_in_told,
        node_lost,
        same_name_twice,
        kafka_away,
        stops,
    )
}


def _concurrency(number: int) -> Mapping[str, object]:
    return {"config": {"destinations": {"wigzo": {"concurrency": number}, "wootric": {"concurrency": number}}}}


def _scale_in(scene: Scene, then: Callable[[list[str]], None]) -> Done:
    began = time.time()
    leaving = [scene.pods.pods.pop() for _ in range(2)]
    for pod in leaving:
        pod.worker.terminate()
    codes = [pod.worker.ended() for pod in leaving]
    ended = time.time()
    then([pod.name for pod in leaving])
    scene.until_owned()
    yield f"exit {codes} after {ended - began:.1f} s; every partition has an owner {time.time() - ended:.1f} s later"
    yield Incident("stop", began, time.time() + AFTERMATH)


def _remove(scene: Scene, names: list[str]) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(scene.place.kafka.bootstrap))
    for destination in scene.place.destinations:
        said = admin.remove_group_members(
            f"{scene.place.group}.{destination}", [MemberToRemove(group_instance_id=name) for name in names]
        )
        assert not any(error.errno for error in said.values()), said
    admin.close()


def _put(scene: Scene, rule: Rule) -> None:
    """These manners, of both vendors; whoever hangs goes on."""
    for call, method, body in (("faults", "PUT", RULES.dump_json([rule])), ("release", "POST", None)):
        asked = Request(f"{scene.vendors.url}/sandbox/{call}", data=body, method=method)  # noqa: S310  (our own)
        with urlopen(asked, timeout=AFTERMATH):  # noqa: S310  (our own)
            pass
