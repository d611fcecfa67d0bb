#include "birdnet_sun.h"
#include <stddef.h>

/* Angles are fractions of a turn in 32 bits, sines have 30 bits after the point. Divisions of
 * signed numbers cut toward zero. birdnet_stm32/detect/sun.py has the same steps and explains the
 * formula. */

#define TURN (INT64_C(1) << 32)
#define QUARTER (UINT32_C(1) << 30)
#define ONE (INT64_C(1) << 30)
#define DAY_S INT64_C(86400)
#define J2000_S INT64_C(946728000)
#define PASSES 2

/* In 2^-64 turns: the value at 2000-01-01 12:00 UTC, and the change in a second. */
#define ANOMALY UINT64_C(0xFE3E2FB6BECD0010)
#define ANOMALY_RATE UINT64_C(584526624361)
#define PERIHELION UINT64_C(0xC93325380F829B98)
#define PERIHELION_RATE UINT64_C(27927507)

#define NOON_ANOMALY INT64_C(22763327)
#define NOON_LONGITUDE INT64_C(29635274)
#define SIN_OBLIQUITY INT64_C(427110122)

#define MOST_LATITUDE 90000000
#define MOST_LONGITUDE 180000000

static const int32_t sin_altitudes[] = {-15610145, -112236583, -223243478, -331804471};
static const int64_t centre_terms[] = {22844454, 238609, 3579};
static const uint64_t sine_terms[] = {1686629713, 693598668, 85569306, 5026995, 172272, 3864};

typedef struct {
    int64_t sin_declination;
    int64_t after_noon; /* of the highest position, after the mean noon, in 2^-32 days */
} place_t;

typedef struct {
    int64_t sine;
    int64_t cosine;
} latitude_t;

/* The sine of an angle in 2^-32 turns. */
static int64_t sine(uint32_t angle) {
    uint64_t x = angle % QUARTER;
    if ((angle & QUARTER) != 0u) {
        x = QUARTER - x;
    }
    const uint64_t square = (x * x) >> 30;
    uint64_t value = 0;
    for (size_t left = sizeof sine_terms / sizeof sine_terms[0]; left > 0; left--) {
        value = sine_terms[left - 1] - ((value * square) >> 30);
    }
    value = (value * x) >> 30;
    const int64_t found = value < QUARTER ? (int64_t)value : ONE;
    return (angle & (QUARTER << 1)) != 0u ? -found : found;
}

/* The cosine of an angle between -90 and 90 degrees from its sine: a square root, bit by bit. */
static int64_t cosine_of(int64_t sine_value) {
    const uint64_t square = (uint64_t)(ONE * ONE - sine_value * sine_value);
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)ONE; bit > 0; bit >>= 1) {
        const uint64_t larger = root + bit;
        if (larger * larger <= square) {
            root = larger;
        }
    }
    return (int64_t)root;
}

/* An angle in 2^-32 turns from millionths of a degree. */
static int64_t turns(int32_t degrees) {
    return degrees * TURN / 360000000;
}

static latitude_t latitude_of(int32_t degrees) {
    const uint32_t angle = (uint32_t)turns(degrees);
    const latitude_t latitude = {.sine = sine(angle), .cosine = sine(angle + QUARTER)};
    return latitude;
}

static int64_t seconds(int64_t days) {
    return days * DAY_S / TURN;
}

static place_t place_of(int64_t unix_s) {
    const uint64_t since = (uint64_t)(unix_s - J2000_S);
    const uint32_t anomaly = (uint32_t)((ANOMALY + ANOMALY_RATE * since) >> 32);
    const uint32_t perihelion = (uint32_t)((PERIHELION + PERIHELION_RATE * since) >> 32);
    int64_t centre = 0;
    for (uint32_t times = 1; times <= 3u; times++) {
        centre += centre_terms[times - 1u] * sine(times * anomaly);
    }
    const uint32_t longitude = anomaly + perihelion + (uint32_t)(centre / ONE);
    const int64_t after = NOON_ANOMALY * sine(anomaly) - NOON_LONGITUDE * sine(2u * longitude);
    const place_t place = {
        .sin_declination = sine(longitude) * SIN_OBLIQUITY / ONE,
        .after_noon = after / ONE,
    };
    return place;
}

static int64_t sin_of_altitude(place_t place, latitude_t latitude, int64_t cos_hour_angle) {
    const int64_t level = latitude.cosine * cosine_of(place.sin_declination) / ONE;
    return (latitude.sine * place.sin_declination + level * cos_hour_angle) / ONE;
}

/* How long the sun is above an altitude before its highest position, in 2^-32 days; -1 if it does
 * not cross it. */
static int64_t half_arc(place_t place, latitude_t latitude, int64_t sin_altitude) {
    const int64_t level = latitude.cosine * cosine_of(place.sin_declination) / ONE;
    const int64_t wanted = sin_altitude - latitude.sine * place.sin_declination / ONE;
    if (wanted > level || -wanted > level) {
        return -1;
    }
    uint32_t arc = 0;
    for (uint32_t bit = QUARTER; bit > 0u; bit >>= 1) {
        if (level * sine(arc + bit + QUARTER) >= wanted * ONE) {
            arc += bit;
        }
    }
    return arc;
}

static bool is_place(int32_t latitude, int32_t longitude, birdnet_sun_altitude_t altitude) {
    return latitude >= -MOST_LATITUDE && latitude <= MOST_LATITUDE &&
           longitude >= -MOST_LONGITUDE && longitude <= MOST_LONGITUDE &&
           (unsigned int)altitude <= (unsigned int)BIRDNET_SUN_ASTRONOMICAL;
}

birdnet_status_t birdnet_sun_day(int32_t day, int32_t latitude, int32_t longitude,
                                 birdnet_sun_altitude_t altitude, birdnet_sun_day_t *sun) {
    if (sun == NULL || day < BIRDNET_SUN_FIRST_DAY || day > BIRDNET_SUN_LAST_DAY ||
        !is_place(latitude, longitude, altitude)) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int64_t midnight_s = day * DAY_S;
    const latitude_t at = latitude_of(latitude);
    const int64_t sin_altitude = sin_altitudes[altitude];
    const int64_t mean_noon = TURN / 2 - turns(longitude);
    const int64_t noon = mean_noon + place_of(midnight_s + seconds(mean_noon)).after_noon;
    int64_t moments[2] = {noon, noon};
    bool crosses[2] = {true, true};
    for (int which = 0; which < 2; which++) {
        for (int pass = 0; pass < PASSES && crosses[which]; pass++) {
            const place_t place = place_of(midnight_s + seconds(moments[which]));
            const int64_t arc = half_arc(place, at, sin_altitude);
            crosses[which] = arc >= 0;
            moments[which] = mean_noon + place.after_noon + (which == 0 ? -arc : arc);
        }
    }
    const place_t place = place_of(midnight_s + seconds(noon));
    sun->noon_s = (int32_t)seconds(noon);
    sun->has_rise = crosses[0];
    sun->has_set = crosses[1];
    sun->rise_s = crosses[0] ? (int32_t)seconds(moments[0]) : 0;
    sun->set_s = crosses[1] ? (int32_t)seconds(moments[1]) : 0;
    sun->is_up_at_noon = sin_of_altitude(place, at, ONE) >= sin_altitude;
    return BIRDNET_OK;
}

birdnet_status_t birdnet_sun_is_up(int64_t unix_s, int32_t latitude, int32_t longitude,
                                   birdnet_sun_altitude_t altitude, bool *is_up) {
    if (is_up == NULL || unix_s < BIRDNET_SUN_FIRST_DAY * DAY_S ||
        unix_s >= (BIRDNET_SUN_LAST_DAY + 1) * DAY_S || !is_place(latitude, longitude, altitude)) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const place_t place = place_of(unix_s);
    const int64_t noon = TURN / 2 - turns(longitude) + place.after_noon;
    const uint32_t hour_angle = (uint32_t)((unix_s % DAY_S) * TURN / DAY_S - noon);
    const int64_t cos_hour_angle = sine(hour_angle + QUARTER);
    *is_up =
        sin_of_altitude(place, latitude_of(latitude), cos_hour_angle) >= sin_altitudes[altitude];
    return BIRDNET_OK;
}

birdnet_light_t birdnet_sun_light(int64_t unix_s, int32_t latitude, int32_t longitude) {
    bool is_day = false;
    bool is_twilight = false;
    if (birdnet_sun_is_up(unix_s, latitude, longitude, BIRDNET_SUN_HORIZON, &is_day) !=
            BIRDNET_OK ||
        birdnet_sun_is_up(unix_s, latitude, longitude, BIRDNET_SUN_CIVIL, &is_twilight) !=
            BIRDNET_OK) {
        return BIRDNET_LIGHT_UNKNOWN;
    }
    if (is_day) {
        return BIRDNET_LIGHT_DAY;
    }
    return is_twilight ? BIRDNET_LIGHT_TWILIGHT : BIRDNET_LIGHT_NIGHT;
}
