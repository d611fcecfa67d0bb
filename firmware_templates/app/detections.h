/* From the scores of a recording's windows to its detections. */
#ifndef DETECTIONS_H
#define DETECTIONS_H

#include <stdint.h>

typedef struct {
    uint32_t label; /* index of the class */
    float probability;
} detection_t;

/* Takes a window's scores into the maximum of each class; `pooled` starts as zeros. */
void detections_pool(float *pooled, const float *scores, uint32_t classes);

/* Selects the classes at or above `threshold`, the most probable first and equal ones by index, at
 * most `capacity` of them. Returns their number. */
uint32_t detections_select(const float *pooled, uint32_t classes, float threshold,
                           detection_t *detections, uint32_t capacity);

#endif
