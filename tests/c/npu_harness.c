/* birdnet_network.h as the NPU computes it, on the host: the runtime below is a stand-in that does
 * what its arguments say and logs every call. Arguments: cycles a step takes, steps until it is
 * done (or "never", "fails"), bytes of the output, number of inferences. The network sums up. */
#include "birdnet_network.h"
#include "npu_access.h"
#include "npu_config.h"
#include "npu_runtime.h"
#include "self_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int8_t input_memory[NPU_INPUT_BYTES];
static int8_t output_memory[NPU_OUTPUT_BYTES];
static uint32_t cycles = UINT32_MAX - 1000u; /* wraps during the test */
static uint32_t cycles_a_step;
static uint32_t steps;
static uint32_t steps_needed;
static int fails;
static uint32_t output_bytes;

uint32_t self_test_cycles(void) {
    return cycles;
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
    cycles += cycles_a_step;
    if (fails) {
        return NPU_FAILED;
    }
    if (++steps < steps_needed) {
        return NPU_RUNNING;
    }
    puts("done");
    memset(output_memory, input_memory[0], sizeof output_memory);
    return NPU_DONE;
}

birdnet_status_t npu_runtime_finish(void) {
    puts("finish");
    steps = 0;
    return BIRDNET_OK;
}

static const char *name_of(const void *data) {
    return data == input_memory ? "input" : "output";
}

void npu_hand_over(const void *data, uint32_t bytes) {
    printf("hand over %s %u\n", name_of(data), bytes);
}

void npu_take_back(void *data, uint32_t bytes) {
    printf("take back %s %u\n", name_of(data), bytes);
}

int main(int count, char **arguments) {
    if (count != 5) {
        return 2;
    }
    static float features[BIRDNET_INPUT_ELEMENTS];
    float scores[BIRDNET_OUTPUT_ELEMENTS];
    uint8_t arena[32];
    birdnet_network_t network;
    cycles_a_step = (uint32_t)strtoul(arguments[1], NULL, 10);
    fails = strcmp(arguments[2], "fails") == 0;
    const int never = strcmp(arguments[2], "never") == 0;
    steps_needed = never ? UINT32_MAX : (uint32_t)strtoul(arguments[2], NULL, 10);
    output_bytes = (uint32_t)strtoul(arguments[3], NULL, 10);

    printf("status %d\n", birdnet_network_init(&network, arena, sizeof arena));
    for (long i = strtol(arguments[4], NULL, 10); i > 0; --i) {
        features[0] = 0.25f * (float)i;
        const birdnet_status_t status = birdnet_network_run(&network, features, scores);
        printf("status %d score %g\n", status, status == BIRDNET_OK ? (double)scores[0] : 0.0);
    }
    return 0;
}
