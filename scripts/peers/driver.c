/* Runs the windows of inputs.bin through a runtime, counts the instructions of each run and writes
 * outputs.bin. The clock and the guard are those of the project's profiling program: under QEMU
 * with -icount shift=0 a tick of SysTick is 31.25 instructions. */
#include "board.h"
#include "console.h"
#include "peer.h"
#include "semihosting.h"

#include <string.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SYST_MASK 0xFFFFFFu
#define SYST_COUNTFLAG (1u << 16)

#define GUARD_PAINT 0x5A
#define GUARD_BYTES 1024u
#define MEMORY_BYTES (3u << 20)

static struct {
    uint8_t before[GUARD_BYTES];
    uint8_t memory[MEMORY_BYTES];
    uint8_t after[GUARD_BYTES];
} buffers __attribute__((section(".birdnet_buffers"), aligned(32)));

static int fail(const char *why) {
    console_text("profile failed ");
    console_text(why);
    console_text("\n");
    return 1;
}

static void report(const char *what, uint32_t value) {
    console_text(what);
    console_text(" ");
    console_unsigned(value);
    console_text("\n");
}

static bool nothing(void) {
    return true;
}

/* Writing the counter starts a tick, so that no count depends on what ran before. */
static const char *count(const char *what, bool (*volatile run)(void)) {
    SYST_CVR = 0u;
    const bool ran = run();
    const uint32_t ticks = (0u - SYST_CVR) & SYST_MASK;
    const bool wrapped = (SYST_CSR & SYST_COUNTFLAG) != 0u;
    if (!ran) {
        return "an operator returned an error";
    }
    if (wrapped) {
        return "it took more than 500 million instructions: the counter is too short";
    }
    report(what, ticks);
    return NULL;
}

static bool intact(const uint8_t *from, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) {
        if (from[i] != GUARD_PAINT) {
            return false;
        }
    }
    return true;
}

static const char *run_windows(void) {
    const int32_t inputs = semihosting_open("inputs.bin", SEMIHOSTING_READ);
    const int32_t outputs = semihosting_open("outputs.bin", SEMIHOSTING_WRITE);
    if (inputs < 0 || outputs < 0) {
        return "its files cannot be opened";
    }
    const size_t input_bytes = PEER_INPUT_ELEMENTS * sizeof(float);
    while (semihosting_read(inputs, peer_input(), input_bytes) == input_bytes) {
        const char *why = count("inference", peer_run);
        if (why != NULL) {
            return why;
        }
        if (!semihosting_write(outputs, peer_output(), PEER_OUTPUT_ELEMENTS * sizeof(float))) {
            return "its output cannot be written";
        }
    }
    return semihosting_close(outputs) ? NULL : "its output cannot be written";
}

int main(void) {
    board_init();
    SYST_RVR = SYST_MASK;
    SYST_CVR = 0u;
    SYST_CSR = 5u; /* enabled, on the core's clock, without its interrupt */
    const size_t needed = peer_prepare(buffers.memory, sizeof buffers.memory);
    if (needed == 0u) {
        return 1;
    }
    memset(buffers.before, GUARD_PAINT, sizeof buffers.before);
    memset(&buffers.memory[needed], GUARD_PAINT, sizeof buffers.memory - needed);
    memset(buffers.after, GUARD_PAINT, sizeof buffers.after);
    (void)count("empty", nothing);
    const char *why = run_windows();
    if (why != NULL) {
        return fail(why);
    }
    if (!intact(buffers.before, sizeof buffers.before) ||
        !intact(&buffers.memory[needed], sizeof buffers.memory - needed) ||
        !intact(buffers.after, sizeof buffers.after)) {
        return fail("something was written outside the arena");
    }
    report("arena", (uint32_t)needed);
    report("scratch", peer_scratch_bytes());
    console_text("done\n");
    return 0;
}
