"""Asks the kernel what a loaded filter says of calls, without making them: for SeccompKernelTest.

Standard input: first a line with the filter in hexadecimal, then one question a line: "64" or "32" (the entry by int 0x80), the call's number
and five arguments, decimal. Standard output: one result of the filter a line, as it would have been returned to the kernel.

The filter is loaded with code in front that lets everything pass whose sixth argument is not a magic number, and behind that with
each verdict turned into an error number that tells which it was; so no call that is asked about is ever made.
"""
import ctypes, mmap, struct, sys

MAGIC = 0x5EC0
ERRNO, ALLOW = 0x00050000, 0x7FFF0000
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

program = bytes.fromhex(sys.stdin.readline().strip())
instructions = [struct.unpack("HBBI", program[at:at + 8]) for at in range(0, len(program), 8)]
front = [(0x20, 0, 0, 16 + 5 * 8), (0x15, 1, 0, MAGIC), (0x06, 0, 0, ALLOW)]
verdicts = []
for at, (code, yes, no, operand) in enumerate(instructions):
    if code == 0x06:
        if operand not in verdicts:
            verdicts.append(operand)
        instructions[at] = (code, yes, no, ERRNO | 1000 + verdicts.index(operand))
instructions = front + instructions
buffer = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


# long f(uint32_t registers[7]): eax ebx ecx edx esi edi ebp, then int 0x80.
entry = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
entry.write(bytes.fromhex(
    "53" "55"               # push rbx, rbp
    "498bc0" "4989f8"       # (mov rax, r8), mov r8, rdi
    "418b00" "418b5804"     # mov eax, [r8]; mov ebx, [r8+4]
    "418b4808" "418b500c"   # mov ecx, [r8+8]; mov edx, [r8+12]
    "418b7010" "418b7814"   # mov esi, [r8+16]; mov edi, [r8+20]
    "418b6818"              # mov ebp, [r8+24]
    "cd80" "4898"           # int 0x80; cdqe
    "5d" "5b" "c3"))        # pop rbp, rbx; ret
narrow = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(entry)))

if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.syscall(317, 1, 0, ctypes.byref(Program(len(instructions), ctypes.addressof(buffer)))) != 0:
    sys.exit("the kernel refused the filter: errno %d" % ctypes.get_errno())
for line in sys.stdin:
    kind, number, *arguments = line.split()
    if kind == "32":
        registers = (ctypes.c_uint32 * 7)(int(number), *[int(argument) & 0xFFFFFFFF for argument in arguments], MAGIC)
        errno = -narrow(ctypes.addressof(registers))
    else:
        libc.syscall(ctypes.c_long(int(number)), *[ctypes.c_ulong(int(argument) & (1 << 64) - 1) for argument in arguments],
                     ctypes.c_long(MAGIC))
        errno = ctypes.get_errno()
    print(verdicts[errno - 1000])
