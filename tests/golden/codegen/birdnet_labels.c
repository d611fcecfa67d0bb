/* Generated: the name of each output. */
#include "birdnet_network.h"

/* Refers to the network, so that the labels do not link with another network. */
birdnet_status_t (*const birdnet_labels_network)(birdnet_network_t *, void *,
                                                 size_t) = birdnet_network_init;

/* clang-format off */
const char *const birdnet_labels[BIRDNET_OUTPUT_ELEMENTS] = {
    "Great Tit",
    "H\303\266ckerschwan",
    "a \"quoted\" \\ name",
    "background",
};
