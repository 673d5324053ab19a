#!/bin/sh
# Writes the table of system call numbers, one call a line: name, then its number on x86_64, x86, x32, aarch64 and arm; "-" where
# it has none. From the kernel's user headers as Debian 12 (Linux 6.1) has them, and newer.txt for what came later:
#   apt-get install gcc linux-libc-dev linux-libc-dev-arm64-cross linux-libc-dev-armhf-cross
#   runtime/src/main/syscalls/generate.sh >runtime/src/main/resources/dev/cais/runtime/security/syscalls.tsv
set -eu
export LC_ALL=C
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# numbers HEADER INCLUDES [GCC-OPTION]...: name and number of each __NR_ macro, expanded by the preprocessor.
numbers() {
    header=$1 includes=$2
    shift 2
    printf '#include <%s>\n' "$header" >"$work/in.h"
    gcc -E -dM -nostdinc -I"$includes" "$@" "$work/in.h" |
        sed -nE 's/^#define (__NR_|__ARM_NR_)([a-z_][a-z0-9_]*) .*/"\2" \1\2/p' >>"$work/in.h"
    gcc -E -P -nostdinc -I"$includes" "$@" "$work/in.h" | sed -nE 's/^"([a-z0-9_]+)" (.*)/\1 \2/p' |
        grep -vE "^(syscalls|arch_specific_syscall) " | while read -r name number; do echo "$name $(($number))"; done | sort
}

x86=/usr/include/x86_64-linux-gnu
numbers asm/unistd_64.h $x86 >"$work/1"
numbers asm/unistd_32.h $x86 >"$work/2"
numbers asm/unistd_x32.h $x86 -D__X32_SYSCALL_BIT=0 >"$work/3"
numbers asm/unistd.h /usr/aarch64-linux-gnu/include -D__aarch64__ -D__LP64__ >"$work/4"
numbers asm/unistd.h /usr/arm-linux-gnueabihf/include -D__arm__ -D__ARM_EABI__ >"$work/5"
{
    for column in 1 2 3 4 5; do
        sed "s/^/$column /" "$work/$column"
    done
    grep -v '^#' "$here/newer.txt" | while read -r name first second third fourth fifth; do
        column=1
        for number in $first $second $third $fourth $fifth; do
            [ "$number" = - ] || echo "$column $name $number"
            column=$((column + 1))
        done
    done
} | awk '{ names[$2] = 1; number[$2, $1] = $3 }
    END { for (name in names) {
        line = name
        for (column = 1; column <= 5; column++) line = line "\t" ((name, column) in number ? number[name, column] : "-")
        print line } }' | sort
