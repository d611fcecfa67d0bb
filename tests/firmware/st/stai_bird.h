/* A stand-in for the stai interface that ST's tool generates, of a network called bird. */
#ifndef STAI_BIRD_H
#define STAI_BIRD_H

#include "st.h"

#define STAI_BIRD_IN_NUM (1)
#define STAI_BIRD_OUT_NUM (1)
#define STAI_BIRD_IN_1_SIZE_BYTES (64)
#define STAI_BIRD_OUT_1_SIZE_BYTES (3)
#define STAI_BIRD_CONTEXT_SIZE (16)

stai_return_code stai_bird_init(stai_network *network);
stai_return_code stai_bird_get_inputs(stai_network *network, stai_ptr *inputs, stai_size *count);
stai_return_code stai_bird_get_outputs(stai_network *network, stai_ptr *outputs, stai_size *count);
stai_return_code stai_bird_set_outputs(stai_network *network, stai_ptr *outputs, stai_size count);
stai_return_code stai_bird_run(stai_network *network, stai_run_mode mode);
stai_return_code stai_ext_bird_run_continue(stai_network *network);
stai_return_code stai_ext_bird_new_inference(stai_network *network);

#endif
