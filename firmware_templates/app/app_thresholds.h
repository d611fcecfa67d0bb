/* From which probability each class counts as detected. */
#ifndef APP_THRESHOLDS_H
#define APP_THRESHOLDS_H

#include "birdnet_network.h"

/* A class is detected if its probability is at least its value, in the order of the outputs. */
extern const float app_thresholds[BIRDNET_OUTPUT_ELEMENTS];

#endif
