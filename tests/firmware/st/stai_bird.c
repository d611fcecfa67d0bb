#include "stai_bird.h"

/* As ST's file does: the date and time of the compilation. */
static const char compiled[] = __DATE__ " " __TIME__ " " __TIMESTAMP__;
static uint8_t input[64] __attribute__((aligned(64)));
static uint8_t *output;

stai_return_code stai_bird_init(stai_network *network) {
    network[0] = (uint8_t)compiled[0];
    return STAI_SUCCESS;
}

stai_return_code stai_bird_get_inputs(stai_network *network, stai_ptr *inputs, stai_size *count) {
    (void)network;
    inputs[0] = input;
    *count = 1u;
    return STAI_SUCCESS;
}

stai_return_code stai_bird_get_outputs(stai_network *network, stai_ptr *outputs, stai_size *count) {
    (void)network;
    outputs[0] = output;
    *count = 1u;
    return STAI_SUCCESS;
}

stai_return_code stai_bird_set_outputs(stai_network *network, stai_ptr *outputs, stai_size count) {
    (void)network;
    (void)count;
    output = outputs[0];
    return STAI_SUCCESS;
}

stai_return_code stai_bird_run(stai_network *network, stai_run_mode mode) {
    (void)network;
    return mode == STAI_MODE_ASYNC ? STAI_RUNNING_NO_WFE : STAI_DONE;
}

stai_return_code stai_ext_bird_run_continue(stai_network *network) {
    network[1] = compiled[sizeof compiled / 2u] != '\0';
    output[0] = input[0];
    return STAI_DONE;
}

stai_return_code stai_ext_bird_new_inference(stai_network *network) {
    (void)network;
    return STAI_SUCCESS;
}
