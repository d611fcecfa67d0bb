/* The interface called stai, which ST Edge AI Core generates from 3.0 on. */
#include "npu_config.h"

#include NPU_STAI_HEADER

#include "npu_runtime.h"

#include <assert.h>
#include <stddef.h>

/* Expands the symbol before pasting it. */
#define PASTE(prefix, symbol, suffix) prefix##symbol##suffix
#define NAMED(prefix, symbol, suffix) PASTE(prefix, symbol, suffix)
#define CALL(name) NAMED(stai_, NPU_SYMBOL, _##name)
#define CALL_EXTENSION(name) NAMED(stai_ext_, NPU_SYMBOL, _##name)

#define CACHE_LINE_BYTES 64u /* of the NPU's cache; the CPU's are half as long */
#define ROUNDED_UP(bytes) (((bytes) + CACHE_LINE_BYTES - 1u) / CACHE_LINE_BYTES * CACHE_LINE_BYTES)

static_assert(NPU_STAI(IN_NUM) == 1, "one input");
static_assert(NPU_STAI(OUT_NUM) == 1, "one output");
static_assert(NPU_STAI(IN_1_SIZE_BYTES) == NPU_INPUT_BYTES, "the report and the code disagree");
static_assert(NPU_STAI(OUT_1_SIZE_BYTES) == NPU_OUTPUT_BYTES, "the report and the code disagree");

STAI_NETWORK_CONTEXT_DECLARE(context, NPU_STAI(CONTEXT_SIZE))

/* Where the compiler leaves the output's memory to the application. */
static int8_t own_output[ROUNDED_UP(NPU_OUTPUT_BYTES)] __attribute__((aligned(CACHE_LINE_BYTES)));
static stai_ptr input;
static stai_ptr output;
static stai_return_code running; /* what the last step said; STAI_DONE between inferences */

/* An error of any call but the last would be hidden by the next one's success. */
static stai_return_code start(void) {
    stai_size count = 1;
    stai_return_code code = stai_runtime_init();
    if (code == STAI_SUCCESS) {
        code = CALL(init)(context);
    }
    if (code == STAI_SUCCESS) {
        code = CALL(get_inputs)(context, &input, &count);
    }
    if (code == STAI_SUCCESS) {
        code = CALL(get_outputs)(context, &output, &count);
    }
    if (code == STAI_SUCCESS && output == NULL) {
        output = (stai_ptr)own_output;
        code = CALL(set_outputs)(context, &output, 1);
    }
    return code;
}

birdnet_status_t npu_runtime_init(void) {
    running = STAI_DONE;
    return start() == STAI_SUCCESS ? BIRDNET_OK : BIRDNET_ERROR_DEVICE;
}

npu_buffer_t npu_runtime_input(void) {
    return (npu_buffer_t){.data = (int8_t *)input, .bytes = NPU_INPUT_BYTES};
}

npu_buffer_t npu_runtime_output(void) {
    return (npu_buffer_t){.data = (int8_t *)output, .bytes = NPU_OUTPUT_BYTES};
}

/* Asynchronous, since the synchronous call sleeps until an interrupt comes, which may be never. */
npu_state_t npu_runtime_step(void) {
    running = running == STAI_DONE ? CALL(run)(context, STAI_MODE_ASYNC)
                                   : CALL_EXTENSION(run_continue)(context);
    switch (running) {
    case STAI_DONE:
        return NPU_DONE;
    case STAI_RUNNING_NO_WFE:
        return NPU_ADVANCED;
    case STAI_RUNNING_WFE:
        return NPU_RUNNING;
    default:
        return NPU_FAILED;
    }
}

birdnet_status_t npu_runtime_finish(void) {
    return CALL_EXTENSION(new_inference)(context) == STAI_SUCCESS ? BIRDNET_OK
                                                                  : BIRDNET_ERROR_DEVICE;
}
