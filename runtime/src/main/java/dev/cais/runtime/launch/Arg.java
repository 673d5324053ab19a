package dev.cais.runtime.launch;

import dev.cais.linux.Abi;

/** An argument of a step: known when the program is written, or taken from its memory when the step is carried out. */
public sealed interface Arg {
    /** As a listing shows it. */
    String shown();

    /** A number, for instance of a descriptor. */
    static Arg of(long value) {
        return new Constant(value, Long.toString(value));
    }

    /** A number that listings show by a name. */
    static Arg of(long value, String shown) {
        return new Constant(value, shown);
    }

    /** A number. */
    record Constant(long value, String shown) implements Arg {}

    /** Bits that have names with that prefix: looked up when a listing is made, which is rare. */
    record Flags(String prefix, long value) implements Arg {
        @Override
        public String shown() {
            return Abi.flags(prefix, value);
        }
    }

    /** Flags of open(2), in the numbers of the machine that this JVM runs on. */
    record OpenFlags(long value) implements Arg {
        @Override
        public String shown() {
            var names = Abi.flags("O_", value);
            return (value & 3) != 0 ? names : value == 0 ? "O_RDONLY" : "O_RDONLY|" + names;
        }
    }

    /** The address of something in the program's data. */
    record Pointer(long address, String shown) implements Arg {
        /** How memory that the kernel writes to is shown, with its offset. */
        static final String MEMORY = "data+";

        /** The 64-bit word there, as it will be then. */
        public Word word() {
            return word(0);
        }

        /** The 64-bit word that many bytes further on. */
        public Word word(int offset) {
            return new Word(address + offset, false, "*" + place(offset));
        }

        /** The 32-bit word there, for instance a descriptor that the kernel wrote. */
        public Word word32() {
            return word32(0);
        }

        /** The 32-bit word that many bytes further on. */
        public Word word32(int offset) {
            return new Word(address + offset, true, "*" + place(offset));
        }

        /** The address that many bytes further on. */
        public Pointer plus(int offset) {
            return new Pointer(address + offset, place(offset));
        }

        private String place(int offset) {
            return shown.startsWith(MEMORY)
                    ? MEMORY + (address + offset - LaunchProgram.DATA_ADDRESS)
                    : offset == 0 ? shown : shown + "+" + offset;
        }
    }

    /** The value of a word in the program's data, read when the step is carried out. */
    record Word(long address, boolean half, String shown) implements Arg {}

    /** The result of another step, as it was last. */
    record Result(int step) implements Arg {
        @Override
        public String shown() {
            return "$" + step;
        }
    }
}
