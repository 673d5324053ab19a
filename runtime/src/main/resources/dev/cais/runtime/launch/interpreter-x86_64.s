# The interpreter of launch programs for x86-64: LaunchProgram writes its bytes into every program.
#
#   as -o interpreter.o interpreter-x86_64.s && objcopy -O binary -j .text interpreter.o interpreter.bin
#
# It uses registers only, no stack, so that a child of clone(2) goes on by itself at the next step.
#
# The header of the data segment, at 0x800200:
#    0  u32     address of the first step
#    8  u32     number of the step that failed with nobody to handle it     } what the failure
#   12  i32     its error number, positive                                  } report sends
#
# A step is 128 bytes:
#    0  u32     number of the system call
#    4  u32[6]  for each argument 0, or the address of the word that holds it; bit 31: the word has 32 bits
#   28  u32     where the lower half of the result is stored too
#   32  u64[6]  the arguments
#   80  i64     the result
#   88  {i32 result, u32 step}[3]  where to go on for that very result
#  112  u32     where to go on for another result that is not negative
#  116  u32     where to go on for another failure; 0: note it in the header and go to the last word's step
#  120  u32     number of this step
#  124  u32     where to go on after a failure that was noted

        .intel_syntax noprefix
        .globl  _start
        .text
_start: mov     ebx, dword ptr ds:0x800200

step:   mov     ecx, 6
source: mov     eax, [rbx + rcx * 4]
        test    eax, eax
        jz      ready
        btr     eax, 31
        mov     edx, [rax]
        jc      store
        mov     rdx, [rax]
store:  mov     [rbx + rcx * 8 + 24], rdx
ready:  loop    source

        mov     eax, [rbx]
        mov     rdi, [rbx + 32]
        mov     rsi, [rbx + 40]
        mov     rdx, [rbx + 48]
        mov     r10, [rbx + 56]
        mov     r8, [rbx + 64]
        mov     r9, [rbx + 72]
        syscall                                 # changes rax, rcx and r11
        mov     [rbx + 80], rax
        mov     ecx, [rbx + 28]
        mov     [rcx], eax

        xor     ecx, ecx
case:   movsxd  rdx, dword ptr [rbx + rcx * 8 + 88]
        cmp     rdx, rax
        je      found
        inc     ecx
        cmp     ecx, 3
        jne     case
        test    rax, rax
        js      failed
        mov     ebx, [rbx + 112]
        jmp     step
found:  mov     ebx, [rbx + rcx * 8 + 92]
        jmp     step

failed: mov     ecx, [rbx + 116]
        test    ecx, ecx
        jnz     handled
        mov     ecx, [rbx + 120]
        mov     dword ptr ds:0x800208, ecx
        neg     eax
        mov     dword ptr ds:0x80020c, eax
        mov     ecx, [rbx + 124]
handled:
        mov     ebx, ecx
        jmp     step
