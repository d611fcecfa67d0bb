/* Turns the scores of a recording's windows into the detections of the recording. */
#ifndef DETECTIONS_H
#define DETECTIONS_H

#include <stdint.h>

typedef struct {
    uint32_t label; /* index of the class */
    float probability;
} detection_t;

/* Updates the maximum of each class with the scores of one window. Set `pooled` to zeros before the
 * first window. */
void detections_pool(float *pooled, const float *scores, uint32_t classes);

/* Selects the classes whose probability is at least their value in `thresholds`, but at most
 * `capacity` of them. The most probable class comes first, and equal ones are in the order of their
 * index. Returns the number of selected classes. */
uint32_t detections_select(const float *pooled, uint32_t classes, const float *thresholds,
                           detection_t *detections, uint32_t capacity);

#endif
