#include "birdnet_ring.h"

#include <stdatomic.h>
#include <string.h>

/* Samples are in memory before the counter says so, and are read after it was read. */
static uint32_t acquire(const volatile uint32_t *counter) {
    const uint32_t value = *counter;
    atomic_thread_fence(memory_order_acquire);
    return value;
}

static void release(volatile uint32_t *counter, uint32_t value) {
    atomic_thread_fence(memory_order_release);
    *counter = value;
}

void birdnet_ring_init(birdnet_ring_t *ring, int16_t *samples, uint32_t capacity_samples,
                       uint32_t window_samples, uint32_t hop_samples) {
    *ring = (birdnet_ring_t){
        .samples = samples,
        .capacity_samples = capacity_samples,
        .window_samples = window_samples,
        .hop_samples = hop_samples,
    };
}

bool birdnet_ring_write(birdnet_ring_t *ring, const int16_t *samples, uint32_t count) {
    if (acquire(&ring->gaps_closed) != ring->gaps_opened) {
        ring->lost += count;
        return false;
    }
    const uint32_t stored = ring->written - acquire(&ring->released);
    if (count > ring->capacity_samples - stored) {
        ring->gap_at = ring->written;
        ring->lost += count;
        ring->in_gap = true;
        release(&ring->gaps_opened, ring->gaps_opened + 1u);
        return false;
    }
    if (ring->in_gap) {
        ring->lost_in_gaps = ring->lost;
        ring->in_gap = false;
    }
    const uint32_t to_end = ring->capacity_samples - ring->write_index;
    const uint32_t first = count < to_end ? count : to_end;
    memcpy(ring->samples + ring->write_index, samples, first * sizeof *samples);
    memcpy(ring->samples, samples + first, (count - first) * sizeof *samples);
    ring->write_index = count < to_end ? ring->write_index + count : count - to_end;
    release(&ring->written, ring->written + count);
    return true;
}

/* Lets the writer have the next `count` samples. */
static void move_on(birdnet_ring_t *ring, uint32_t count) {
    const uint32_t to_end = ring->capacity_samples - ring->read_index;
    ring->read_index = count < to_end ? ring->read_index + count : count - to_end;
    ring->position_samples += count;
    release(&ring->released, ring->released + count);
}

bool birdnet_ring_read(birdnet_ring_t *ring, int16_t *pcm, birdnet_ring_window_t *window) {
    const uint32_t opened = acquire(&ring->gaps_opened);
    const bool gap_follows = opened != ring->gaps_closed;
    const uint32_t end = gap_follows ? ring->gap_at : acquire(&ring->written);
    const uint32_t stored = end - ring->released;
    if (stored < ring->window_samples) {
        if (gap_follows) {
            move_on(ring, stored);
            release(&ring->gaps_closed, opened);
        }
        return false;
    }
    /* It changes only when the reader has closed a gap and the writer has stored samples again. */
    const uint32_t lost = ring->lost_in_gaps - ring->lost_and_told;
    ring->lost_and_told += lost;
    ring->position_samples += lost;
    *window = (birdnet_ring_window_t){ring->position_samples, lost};
    const uint32_t to_end = ring->capacity_samples - ring->read_index;
    const uint32_t first = ring->window_samples < to_end ? ring->window_samples : to_end;
    memcpy(pcm, ring->samples + ring->read_index, first * sizeof *pcm);
    memcpy(pcm + first, ring->samples, (ring->window_samples - first) * sizeof *pcm);
    move_on(ring, ring->hop_samples);
    return true;
}

uint32_t birdnet_ring_lost_samples(const birdnet_ring_t *ring) {
    return ring->lost;
}
