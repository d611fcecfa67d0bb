/**
 * @file
 * Sunrise, sunset and whether the sun is up, from a date and a place.
 *
 * All arithmetic is that of integers, so that every processor and birdnet_stm32/detect/sun.py
 * give the same seconds. No network, no table and no clock is needed.
 *
 * The sun's place is computed from its mean anomaly, the equation of the centre, and the slow
 * rotation of the earth's orbit, at the moment of the event itself. From 2001 to 2099 and from the
 * equator to 65 degrees of latitude, sunrise and sunset differ by less than a minute from those of
 * an exact ephemeris for a flat horizon at sea level. Real horizons and the weather differ more.
 */
#ifndef BIRDNET_SUN_H
#define BIRDNET_SUN_H

#include "birdnet_status.h"
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How high the sun stands at the moment that is meant. */
typedef enum {
    BIRDNET_SUN_HORIZON = 0,     /**< its upper edge at the horizon: -0.833 degrees */
    BIRDNET_SUN_CIVIL = 1,       /**< civil twilight: -6 degrees */
    BIRDNET_SUN_NAUTICAL = 2,    /**< nautical twilight: -12 degrees */
    BIRDNET_SUN_ASTRONOMICAL = 3 /**< astronomical twilight: -18 degrees */
} birdnet_sun_altitude_t;

/** Whether it is day or night. Birds of the day and of the night call in civil twilight. */
typedef enum {
    BIRDNET_LIGHT_UNKNOWN = 0, /**< the place or the time is not known */
    BIRDNET_LIGHT_NIGHT = 1,   /**< the sun is more than 6 degrees below the horizon */
    BIRDNET_LIGHT_TWILIGHT = 2,
    BIRDNET_LIGHT_DAY = 3 /**< the sun is up */
} birdnet_light_t;

/** The sun on one day. Times are seconds after 00:00 UTC of the date. */
typedef struct {
    int32_t noon_s; /**< when the sun stands highest; may lie on the day before or after in UTC */
    int32_t rise_s; /**< when it rises above the altitude; only if has_rise */
    int32_t set_s;  /**< when it sets below the altitude; only if has_set */
    bool has_rise;  /**< false where it stays above or below the altitude, as near the poles */
    bool has_set;
    bool is_up_at_noon; /**< says which of the two, if neither has_rise nor has_set */
} birdnet_sun_day_t;

#define BIRDNET_SUN_FIRST_DAY 11323 /**< 2001-01-01, in days after 1970-01-01 */
#define BIRDNET_SUN_LAST_DAY 47481  /**< 2099-12-31 */

/**
 * The events of a day, from the sunrise before the sun's highest position to the sunset after it.
 *
 * @param[in]  day       the date at the place, in days after 1970-01-01; BIRDNET_SUN_FIRST_DAY to
 *                       BIRDNET_SUN_LAST_DAY
 * @param[in]  latitude  in millionths of a degree, north positive; -90000000 to 90000000
 * @param[in]  longitude in millionths of a degree, east positive; -180000000 to 180000000
 * @param[in]  altitude  the altitude that the sun crosses
 * @param[out] sun       the times
 * @return BIRDNET_ERROR_ARGUMENT outside these ranges, with `sun` unchanged
 */
birdnet_status_t birdnet_sun_day(int32_t day, int32_t latitude, int32_t longitude,
                                 birdnet_sun_altitude_t altitude, birdnet_sun_day_t *sun);

/**
 * Whether the sun stands at an altitude or above it.
 *
 * @param[in]  unix_s    the moment, in seconds after 1970-01-01 00:00 UTC, on one of the days that
 *                       birdnet_sun_day() takes
 * @param[in]  latitude  as for birdnet_sun_day()
 * @param[in]  longitude as for birdnet_sun_day()
 * @param[in]  altitude  the altitude
 * @param[out] is_up     the answer
 * @return BIRDNET_ERROR_ARGUMENT outside these ranges, with `is_up` unchanged
 */
birdnet_status_t birdnet_sun_is_up(int64_t unix_s, int32_t latitude, int32_t longitude,
                                   birdnet_sun_altitude_t altitude, bool *is_up);

/**
 * Whether it is day, night or civil twilight.
 *
 * @param unix_s    as for birdnet_sun_is_up()
 * @param latitude  as for birdnet_sun_day()
 * @param longitude as for birdnet_sun_day()
 * @return BIRDNET_LIGHT_UNKNOWN outside these ranges
 */
birdnet_light_t birdnet_sun_light(int64_t unix_s, int32_t latitude, int32_t longitude);

#ifdef __cplusplus
}
#endif

#endif
