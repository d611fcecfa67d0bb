/* Generated: what each output stands for. */
#include "birdnet_network.h"

/* clang-format off */
const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS] = {
    "Great Tit",
    "H\303\266ckerschwan",
    "a \"quoted\" \\ name",
    "background",
};
