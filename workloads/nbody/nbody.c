/* Planets around a star, each drawn by all others: double precision with square roots and divisions.

   The orbits are integrated by leapfrog, whose error of energy has a bound however long it runs. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Machines that have fused multiply-add would round otherwise. */
#pragma STDC FP_CONTRACT OFF

enum { BODIES = 8, STEPS = 2000 };

/* The innermost planet's year is some 6.3, the gravitational constant and the star's mass are 1. */
static const double STEP = 0.01;

typedef struct {
    double position[3], velocity[3], mass;
} Body;

static Body bodies[BODIES];

/* A star, and planets on almost circular orbits, each 1.5 times as far out; `turn`, 0 to 1, moves them. */
static void place(double turn)
{
    double distance = 1.0, momentum[3] = {0.0, 0.0, 0.0};
    memset(bodies, 0, sizeof bodies);
    bodies[0].mass = 1.0;
    for (int i = 1; i < BODIES; i++, distance *= 1.5) {
        /* A point of the circle without sine and cosine: t is the tangent of half its angle. */
        double t = (i % 2 ? 1.0 : -1.0) * (0.25 * i + turn), cosine = (1.0 - t * t) / (1.0 + t * t);
        double sine = 2.0 * t / (1.0 + t * t), speed = sqrt(1.0 / distance), tilt = 0.01 * i;
        Body *body = &bodies[i];
        body->position[0] = distance * cosine;
        body->position[1] = distance * sine;
        body->position[2] = tilt * distance * cosine;
        body->velocity[0] = -speed * sine;
        body->velocity[1] = speed * cosine;
        body->velocity[2] = -tilt * speed * sine;
        body->mass = 0.00002 * i;
        for (int axis = 0; axis < 3; axis++)
            momentum[axis] += body->mass * body->velocity[axis];
    }
    for (int axis = 0; axis < 3; axis++)
        bodies[0].velocity[axis] = -momentum[axis];
}

/* Changes velocities by what the bodies' gravity does within `time`. */
static void kick(double time)
{
    for (int i = 0; i < BODIES; i++) {
        Body *one = &bodies[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *other = &bodies[j];
            double x = one->position[0] - other->position[0];
            double y = one->position[1] - other->position[1];
            double z = one->position[2] - other->position[2];
            double squared = x * x + y * y + z * z;
            double factor = time / (squared * sqrt(squared));
            one->velocity[0] -= x * (other->mass * factor);
            one->velocity[1] -= y * (other->mass * factor);
            one->velocity[2] -= z * (other->mass * factor);
            other->velocity[0] += x * (one->mass * factor);
            other->velocity[1] += y * (one->mass * factor);
            other->velocity[2] += z * (one->mass * factor);
        }
    }
}

static void drift(double time)
{
    for (int i = 0; i < BODIES; i++)
        for (int axis = 0; axis < 3; axis++)
            bodies[i].position[axis] += time * bodies[i].velocity[axis];
}

static double energy(void)
{
    double sum = 0.0;
    for (int i = 0; i < BODIES; i++) {
        const double *v = bodies[i].velocity, *p = bodies[i].position;
        sum += 0.5 * bodies[i].mass * (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
        for (int j = i + 1; j < BODIES; j++) {
            const double *q = bodies[j].position;
            double x = p[0] - q[0], y = p[1] - q[1], z = p[2] - q[2];
            sum -= bodies[i].mass * bodies[j].mass / sqrt(x * x + y * y + z * z);
        }
    }
    return sum;
}

/* Whether energy is what it was, but for the error of steps, and all momenta together are still 0. */
static int conserved(double begun)
{
    int good = fabs(energy() / begun - 1.0) < 1e-3;
    for (int axis = 0; axis < 3; axis++) {
        double momentum = 0.0;
        for (int i = 0; i < BODIES; i++)
            momentum += bodies[i].mass * bodies[i].velocity[axis];
        good = good && fabs(momentum) < 1e-9;
    }
    return good;
}

static uint64_t hash_of_bodies(uint64_t hash)
{
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 6; axis++) {
            const double *value = axis < 3 ? &bodies[i].position[axis] : &bodies[i].velocity[axis - 3];
            uint64_t bits;
            memcpy(&bits, value, sizeof bits);
            hash = (hash ^ bits) * 0x100000001b3u;
            hash ^= hash >> 29;
        }
    }
    return hash;
}

/* 1 to 2^31 - 1 in decimal digits; 0 for anything else. */
static uint32_t count_of(const char *text)
{
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value <= INT32_MAX; text++)
        value = 10 * value + (uint64_t)(*text - '0');
    return *text == '\0' && value <= INT32_MAX ? (uint32_t)value : 0;
}

int main(int argc, char **argv)
{
    uint32_t iterations = argc == 2 ? count_of(argv[1]) : 0;
    if (iterations == 0) {
        fputs("usage: nbody ITERATIONS\n", stderr);
        return 2;
    }
    place((iterations % 4096) / 4096.0);
    double begun = energy();
    uint64_t hash = 0;
    for (uint32_t i = 0; i < iterations; i++) {
        drift(0.5 * STEP);
        for (int step = 1; step < STEPS; step++) {
            kick(STEP);
            drift(STEP);
        }
        kick(STEP);
        drift(0.5 * STEP);
        hash = hash_of_bodies(hash);
        if (!conserved(begun)) {
            fputs("nbody: energy or momentum is not conserved\n", stderr);
            return 1;
        }
    }
    printf("nbody: %u iterations, checksum 0x%08x%08x\n", (unsigned)iterations, (unsigned)(hash >> 32),
           (unsigned)hash);
    return 0;
}
