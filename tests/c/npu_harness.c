/* birdnet_network.h as the NPU computes it, on the host: the runtime and the caches below are
 * stand-ins that do what the arguments say and log every call, the registers are variables. The
 * network sums up. Arguments:
 *
 *     cycles a step takes; steps until it is done (or "never", "fails", "stuck"); bytes of the
 *     output; number of inferences; where the buffers are: "on-chip", "external", "own"; what
 *     counts: "cycles", "timer" or "none"; what the last run left: hexadecimal, and whether the
 *     watchdog ended it, 0 or 1. */
#include "birdnet_network.h"
#include "board.h"
#include "npu_buffers.h"
#include "npu_config.h"
#include "npu_runtime.h"
#include "registers.h"
#include "stopwatch.h"
#include "trace.h"
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int8_t *input_memory;
static int8_t *output_memory;
static uint32_t cycles_a_step;
static uint32_t steps;
static uint32_t steps_needed;
static int fails;
static int stuck;
static uint32_t output_bytes;

/* What registers.h calls a register. The counters move when they are read. */
static uint32_t cycle_counter = UINT32_MAX - 20000u; /* wraps during the test */
static uint32_t timer = 500u;
static int counting = 'c';
static struct {
    uintptr_t address;
    uint32_t value;
} registers[32];

uint32_t *host_register(uintptr_t address) {
    if (address == 0xE000307Cu) {
        cycle_counter += counting == 'c';
        return &cycle_counter;
    }
    if (address == 0xE000E018u) {
        timer -= counting != 'n';
        if (timer > 999u) {
            timer = 999u;
        }
        return &timer;
    }
    if (address == 0x56004800u) {
        puts("watchdog");
    }
    size_t i = 0;
    while (registers[i].address != 0u && registers[i].address != address) {
        ++i;
    }
    registers[i].address = address;
    return &registers[i].value;
}

static void pass(uint32_t cycles) {
    cycle_counter += counting == 'c' ? cycles : 0u;
    timer = counting == 't' ? (timer + 1000u - cycles % 1000u) % 1000u : timer;
}

void board_diagnose(void) {
    printf("diagnosis in block %u\n", trace_block());
}

birdnet_status_t npu_runtime_init(void) {
    puts("init");
    return BIRDNET_OK;
}

npu_buffer_t npu_runtime_input(void) {
    return (npu_buffer_t){.data = input_memory, .bytes = NPU_INPUT_BYTES};
}

npu_buffer_t npu_runtime_output(void) {
    return (npu_buffer_t){.data = output_memory, .bytes = output_bytes};
}

npu_state_t npu_runtime_step(void) {
    pass(cycles_a_step);
    if (fails) {
        return NPU_FAILED;
    }
    if (++steps < steps_needed) {
        if (stuck && steps == 3u) { /* where the watchdog would end it */
            printf("left %08x\n", *host_register(0x56004500u));
            exit(0);
        }
        return steps_needed == UINT32_MAX && !stuck ? NPU_RUNNING : NPU_ADVANCED;
    }
    puts("done");
    memset(output_memory, input_memory[0], NPU_OUTPUT_BYTES);
    return NPU_DONE;
}

birdnet_status_t npu_runtime_finish(void) {
    puts("finish");
    steps = 0;
    return BIRDNET_OK;
}

static void log_range(const char *what, uint32_t first, uint32_t end) {
    const uint32_t start = (uint32_t)(uintptr_t)input_memory;
    const uint32_t output = (uint32_t)(uintptr_t)output_memory;
    printf("%s %s %u\n", what,
           first == start    ? "input"
           : first == output ? "output"
                             : "blobs",
           end - first);
}

void mcu_cache_clean_invalidate_range(uint32_t first, uint32_t end) {
    log_range("CPU clean and invalidate", first, end);
}

void mcu_cache_invalidate_range(uint32_t first, uint32_t end) {
    log_range("CPU invalidate", first, end);
}

void npu_cache_clean_invalidate_range(uint32_t first, uint32_t end) {
    log_range("NPU clean and invalidate", first, end);
}

/* Addresses that npu_config.h of the test knows of. */
static void place_buffers(const char *where) {
    const uintptr_t address = strcmp(where, "external") == 0 ? 0x20000000u
                              : strcmp(where, "own") == 0    ? 0x28000000u
                                                             : 0x30000000u;
    void *const memory = mmap((void *)address, 8192, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory == MAP_FAILED) {
        exit(3);
    }
    input_memory = memory;
    output_memory = input_memory + 4096;
}

static void start(const char *left, const char *by_watchdog) {
    uint32_t block;
    *host_register(0xE000E014u) = 999u;
    *host_register(0x56004500u) = (uint32_t)strtoul(left, NULL, 16);
    *host_register(0x56028034u) = by_watchdog[0] == '1' ? 1u << 26 : 0u;
    printf("source %d\n", (int)stopwatch_init());
    const int inside = trace_init(&block);
    printf("last run: inside %d, block %u, watchdog %d\n", inside, block,
           watchdog_ended_last_run());
}

int main(int count, char **arguments) {
    if (count != 9) {
        return 2;
    }
    static float features[BIRDNET_INPUT_ELEMENTS];
    float scores[BIRDNET_OUTPUT_ELEMENTS];
    uint8_t arena[32];
    birdnet_network_t network;
    cycles_a_step = (uint32_t)strtoul(arguments[1], NULL, 10);
    fails = strcmp(arguments[2], "fails") == 0;
    stuck = strcmp(arguments[2], "stuck") == 0;
    const int never = stuck || strcmp(arguments[2], "never") == 0;
    steps_needed = never ? UINT32_MAX : (uint32_t)strtoul(arguments[2], NULL, 10);
    output_bytes = (uint32_t)strtoul(arguments[3], NULL, 10);
    place_buffers(arguments[5]);
    counting = arguments[6][0];
    start(arguments[7], arguments[8]);

    printf("status %d\n", birdnet_network_init(&network, arena, sizeof arena));
    for (long i = strtol(arguments[4], NULL, 10); i > 0; --i) {
        features[0] = 0.25f * (float)i;
        const birdnet_status_t status = birdnet_network_run(&network, features, scores);
        printf("status %d score %g\n", status, status == BIRDNET_OK ? (double)scores[0] : 0.0);
    }
    printf("left %08x\n", *host_register(0x56004500u));
    const char *const failure = watchdog_start();
    printf("watchdog: %s, reload %u\n", failure == NULL ? "runs" : failure,
           *host_register(0x56004808u));
    watchdog_feed();
    return 0;
}
