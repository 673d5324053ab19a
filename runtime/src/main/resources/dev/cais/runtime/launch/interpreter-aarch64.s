// The interpreter of launch programs for aarch64: LaunchProgram writes its bytes into every program.
//
//   aarch64-linux-gnu-as -o interpreter.o interpreter-aarch64.s
//   aarch64-linux-gnu-objcopy -O binary -j .text interpreter.o interpreter.bin
//
// The header and the steps are described in interpreter-x86_64.s.
// x19 is the step, x20 the header.

        .globl  _start
        .text
_start: mov     x20, #0x800000
        add     x20, x20, #0x200
        ldr     w19, [x20]

step:   mov     x9, #6
source: ldr     w10, [x19, x9, lsl #2]
        cbz     w10, ready
        add     x12, x19, x9, lsl #3
        tbz     w10, #31, wide
        and     w10, w10, #0x7fffffff
        ldr     w11, [x10]
        b       store
wide:   ldr     x11, [x10]
store:  str     x11, [x12, #24]
ready:  subs    x9, x9, #1
        b.ne    source

        ldr     w8, [x19]
        ldp     x0, x1, [x19, #32]
        ldp     x2, x3, [x19, #48]
        ldp     x4, x5, [x19, #64]
        svc     #0                              // changes x0 only
        str     x0, [x19, #80]
        ldr     w9, [x19, #28]
        str     w0, [x9]

        add     x9, x19, #88
        add     x12, x19, #112
case:   ldpsw   x10, x11, [x9], #8
        cmp     x10, x0
        b.eq    found
        cmp     x9, x12
        b.ne    case
        tbnz    x0, #63, failed
        ldr     w19, [x19, #112]
        b       step
found:  mov     w19, w11
        b       step

failed: ldr     w9, [x19, #116]
        cbnz    w9, handled
        ldr     w9, [x19, #120]
        neg     w0, w0
        stp     w9, w0, [x20, #8]
        ldr     w9, [x19, #124]
handled:
        mov     w19, w9
        b       step
