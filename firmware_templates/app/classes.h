/* The classes of the network: how many there are, their names, and from which probability each
 * counts as detected. A head that can be replaced says it (runtime/birdnet_head.h). Otherwise it
 * was decided when the firmware was built. */
#ifndef CLASSES_H
#define CLASSES_H

#include "birdnet_network.h"

#include <stdint.h>

#ifdef BIRDNET_SPLIT_HEAD

static inline uint32_t classes_count(const birdnet_network_t *network) {
    return network->head.classes;
}

static inline const char *classes_name(const birdnet_network_t *network, uint32_t label) {
    return birdnet_head_name(&network->head, label);
}

static inline const float *classes_thresholds(const birdnet_network_t *network) {
    return network->head.thresholds;
}

#else

#include "birdnet_rules.h"

static inline uint32_t classes_count(const birdnet_network_t *network) {
    (void)network;
    return BIRDNET_OUTPUT_ELEMENTS;
}

static inline const char *classes_name(const birdnet_network_t *network, uint32_t label) {
    (void)network;
    return birdnet_labels[label];
}

static inline const float *classes_thresholds(const birdnet_network_t *network) {
    (void)network;
    return birdnet_thresholds;
}

#endif

#endif
