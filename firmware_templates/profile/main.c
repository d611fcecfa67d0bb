/* Counts the instructions of a network and of each of its steps, and measures its stack.
 *
 * The program is for QEMU with -icount shift=0, where each instruction takes one nanosecond. So a
 * tick of SysTick is as many instructions as its period has nanoseconds. On silicon the program
 * would count cycles. */
#include "board.h"
#include "console.h"
#include "profile.h"

#include <stdbool.h>
#include <string.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SYST_MASK 0xFFFFFFu
#define SYST_COUNTFLAG (1u << 16)

#define STACK_PAINT 0xA5C3A5C3u
#define GUARD_PAINT 0x5A
#define GUARD_BYTES 1024u

extern uint32_t stack_limit;

static struct {
    int8_t before[GUARD_BYTES];
    int8_t arena[BIRDNET_ARENA_BYTES];
    int8_t after[GUARD_BYTES];
    int8_t input[BIRDNET_INPUT_ELEMENTS];
    int8_t output[BIRDNET_OUTPUT_ELEMENTS];
} buffers __attribute__((section(".birdnet_buffers"), aligned(32)));

static birdnet_network_t network;

static birdnet_status_t empty_step(int8_t *arena) {
    (void)arena;
    return BIRDNET_OK;
}

static birdnet_status_t invoke(int8_t *arena) {
    (void)arena;
    return birdnet_network_invoke(&network);
}

static int fail(const char *why) {
    console_text("profile failed ");
    console_text(why);
    console_text("\n");
    return 1;
}

/* Writing to the counter starts a tick, so no count depends on what ran before. */
static bool count(const char *what, profile_step_t volatile step) {
    SYST_CVR = 0u;
    const birdnet_status_t status = step(buffers.arena);
    const uint32_t ticks = (0u - SYST_CVR) & SYST_MASK;
    const bool wrapped = (SYST_CSR & SYST_COUNTFLAG) != 0u;
    if (status != BIRDNET_OK) {
        (void)fail("a step returned an error");
        return false;
    }
    if (wrapped) {
        (void)fail("a step took more ticks than the counter of 24 bits can hold");
        return false;
    }
    console_text(what);
    console_text(" ");
    console_unsigned(ticks);
    console_text("\n");
    return true;
}

/* Returns how many bytes below the frame of this function the network overwrites. */
__attribute__((noinline)) static uint32_t stack_of_invoke(void) {
    volatile uint32_t *top;
    __asm volatile("mov %0, sp" : "=r"(top));
    for (volatile uint32_t *word = &stack_limit; word < top; ++word) {
        *word = STACK_PAINT;
    }
    (void)birdnet_network_invoke(&network);
    const volatile uint32_t *lowest = &stack_limit;
    while (lowest < top && *lowest == STACK_PAINT) {
        ++lowest;
    }
    return (uint32_t)((uintptr_t)top - (uintptr_t)lowest);
}

/* Every run gets the same input. What the arena held before must not matter. */
static void begin(uint8_t rubbish) {
    memset(buffers.arena, rubbish, sizeof buffers.arena);
    uint32_t state = 1u;
    for (uint32_t i = 0; i < BIRDNET_INPUT_ELEMENTS; ++i) {
        state = state * 1664525u + 1013904223u;
        buffers.input[i] = (int8_t)(state >> 24);
    }
    (void)birdnet_network_set_input(&network, buffers.input);
}

static bool guards_intact(void) {
    for (uint32_t i = 0; i < GUARD_BYTES; ++i) {
        if (buffers.before[i] != GUARD_PAINT || buffers.after[i] != GUARD_PAINT) {
            return false;
        }
    }
    return true;
}

static bool same_output(void) {
    return memcmp(buffers.output, birdnet_network_output(&network), sizeof buffers.output) == 0;
}

int main(void) {
    board_init();
    SYST_RVR = SYST_MASK;
    SYST_CVR = 0u;
    SYST_CSR = 5u; /* enabled, with the clock of the core, without an interrupt */
    memset(buffers.before, GUARD_PAINT, sizeof buffers.before);
    memset(buffers.after, GUARD_PAINT, sizeof buffers.after);
    if (birdnet_network_init(&network, buffers.arena, sizeof buffers.arena) != BIRDNET_OK) {
        return fail("the network cannot be initialised");
    }

    begin(0x00);
    if (!count("empty", empty_step) || !count("network", invoke)) {
        return 1;
    }
    memcpy(buffers.output, birdnet_network_output(&network), sizeof buffers.output);

    begin(0xFF);
    for (uint32_t step = 0; step < profile_step_count; ++step) {
        if (!count("step", profile_steps[step])) {
            return 1;
        }
    }
    if (!same_output()) {
        return fail("the steps give another output than the network");
    }

    begin(0xA5);
    const uint32_t stack_bytes = stack_of_invoke();
    if (!same_output()) {
        return fail("the output depends on what the arena held before");
    }
    if (!guards_intact()) {
        return fail("something was written outside the arena");
    }
    console_text("stack ");
    console_unsigned(stack_bytes);
    console_text("\ndone\n");
    return 0;
}
