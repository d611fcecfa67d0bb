/* The runtime's own interface, LL_ATON, which every version has. */
#include "ll_aton_runtime.h"
#include "npu_config.h"
#include "npu_runtime.h"

#include <stddef.h>

/* Expands the symbol before ST's macros paste it. */
#define DECLARE(symbol) LL_ATON_DECLARE_NAMED_NN_INSTANCE_AND_INTERFACE(symbol)
#define PASTE(prefix, symbol) prefix##symbol
#define NAMED(prefix, symbol) PASTE(prefix, symbol)
#define INSTANCE NAMED(NN_Instance_, NPU_SYMBOL)

#define CACHE_LINE_BYTES 64u /* of the NPU's cache; the CPU's are half as long */
#define ROUNDED_UP(bytes) (((bytes) + CACHE_LINE_BYTES - 1u) / CACHE_LINE_BYTES * CACHE_LINE_BYTES)

DECLARE(NPU_SYMBOL)

/* Where the compiler leaves the output's memory to the application. */
static int8_t own_output[ROUNDED_UP(NPU_OUTPUT_BYTES)] __attribute__((aligned(CACHE_LINE_BYTES)));

/* The only buffer of a list that ends with a nameless one; weights stand among the inputs. */
static const LL_Buffer_InfoTypeDef *only(const LL_Buffer_InfoTypeDef *list) {
    const LL_Buffer_InfoTypeDef *found = NULL;
    for (; list != NULL && list->name != NULL; ++list) {
        if (list->is_param == 0u) {
            if (found != NULL) {
                return NULL;
            }
            found = list;
        }
    }
    return found;
}

static npu_buffer_t memory_of(const LL_Buffer_InfoTypeDef *buffer) {
    if (buffer == NULL) {
        return (npu_buffer_t){.data = NULL, .bytes = 0u};
    }
    return (npu_buffer_t){.data = (int8_t *)LL_Buffer_addr_start(buffer),
                          .bytes = LL_Buffer_len(buffer)};
}

birdnet_status_t npu_runtime_init(void) {
    LL_ATON_RT_RuntimeInit();
    LL_ATON_RT_Init_Network(&INSTANCE);
    const LL_Buffer_InfoTypeDef *const output = only(INSTANCE.network->output_buffers_info());
    if (output != NULL && output->is_user_allocated != 0u &&
        INSTANCE.network->output_setter(0, own_output, sizeof own_output) !=
            LL_ATON_User_IO_NOERROR) {
        return BIRDNET_ERROR_MEMORY;
    }
    return BIRDNET_OK;
}

npu_buffer_t npu_runtime_input(void) {
    return memory_of(only(INSTANCE.network->input_buffers_info()));
}

npu_buffer_t npu_runtime_output(void) {
    return memory_of(only(INSTANCE.network->output_buffers_info()));
}

/* Never sleeps while the NPU works: an interrupt that does not come would end the time-out. */
npu_state_t npu_runtime_step(void) {
    switch (LL_ATON_RT_RunEpochBlock(&INSTANCE)) {
    case LL_ATON_RT_DONE:
        return NPU_DONE;
    case LL_ATON_RT_NO_WFE:
        return NPU_ADVANCED;
    default:
        return NPU_RUNNING;
    }
}

birdnet_status_t npu_runtime_finish(void) {
    LL_ATON_RT_Reset_Network(&INSTANCE);
    return BIRDNET_OK;
}
