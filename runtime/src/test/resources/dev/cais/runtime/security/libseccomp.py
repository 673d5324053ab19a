"""What libseccomp makes of profiles, as runc uses it: the independent opinion for SeccompOracleTest.

Standard input: one JSON document a line, {"profile": …, "caps": […], "kernel": [major, minor]}. Standard output: one JSON document
a line, {"program": hexadecimal, "unknown": [names of calls that this libseccomp does not know]}, or {"error": …}.
"""
import ctypes, json, os, sys, tempfile

lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
ARCHES = {"X86_64": 0xC000003E, "X86": 0x40000003, "X32": 0x4000003E, "AARCH64": 0xC00000B7, "ARM": 0x40000028}
OPS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
ACTIONS = {"KILL": 0, "KILL_THREAD": 0, "KILL_PROCESS": 0x80000000, "TRAP": 0x00030000, "ERRNO": 0x00050000,
           "TRACE": 0x7FF00000, "LOG": 0x7FFC0000, "ALLOW": 0x7FFF0000}


class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def action(name, errno):
    name = name[len("SCMP_ACT_"):]
    return ACTIONS[name] | ((1 if errno is None else errno) if name in ("ERRNO", "TRACE") else 0)


def applies(rule, caps, kernel):
    excludes, includes = rule.get("excludes") or {}, rule.get("includes") or {}
    version = lambda text: [int(part) for part in text.split(".")[:2]]
    if "amd64" in (excludes.get("arches") or []) or set(excludes.get("caps") or []) & caps:
        return False
    if excludes.get("minKernel") and kernel >= version(excludes["minKernel"]):
        return False
    if includes.get("arches") and "amd64" not in includes["arches"] or not set(includes.get("caps") or []) <= caps:
        return False
    return not includes.get("minKernel") or kernel >= version(includes["minKernel"])


def compile(profile, caps, kernel):
    usual = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = ctypes.c_void_p(lib.seccomp_init(usual))
    arches = list(profile.get("architectures") or [])
    for entry in profile.get("archMap") or []:
        if entry["architecture"] == "SCMP_ARCH_X86_64":
            arches += [entry["architecture"]] + (entry.get("subArchitectures") or [])
    for arch in arches:
        lib.seccomp_arch_add(context, ctypes.c_uint32(ARCHES[arch[len("SCMP_ARCH_"):]]))
    unknown = set()
    for rule in profile["syscalls"]:
        if not applies(rule, caps, kernel):
            continue
        verdict = action(rule["action"], rule.get("errnoRet"))
        args = [Arg(a["index"], OPS[a["op"][len("SCMP_CMP_"):]], a.get("value", 0), a.get("valueTwo", 0))
                for a in rule.get("args") or []]
        alone = len({a.arg for a in args}) < len(args)
        for name in rule.get("names") or [rule["name"]]:
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number == -1:
                unknown.add(name)
            elif verdict != usual:
                for some in [[a] for a in args] if alone else [args]:
                    code = lib.seccomp_rule_add_array(context, ctypes.c_uint32(verdict), number, len(some), (Arg * 6)(*some))
                    if code not in (0, -17):
                        raise OSError(-code, "rule on " + name)
    with tempfile.TemporaryFile() as out:
        lib.seccomp_export_bpf(context, out.fileno())
        out.seek(0)
        program = out.read()
    lib.seccomp_release(context)
    return {"program": program.hex(), "unknown": sorted(unknown)}


for line in sys.stdin:
    request = json.loads(line)
    try:
        print(json.dumps(compile(request["profile"], set(request["caps"]), request["kernel"])), flush=True)
    except OSError as error:
        print(json.dumps({"error": str(error)}), flush=True)
