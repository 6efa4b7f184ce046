/*
 * walk.c - what a software IOMMU walk costs when nothing is in the way.
 *
 * Builds VT-d scalable-mode and x86-64 tables in one flat, lazily committed memory and measures walks, cache hits,
 * map and unmap as ns/op. docs/benchmarks.md describes the workloads; `./walk --check` prints checksums
 * that another implementation must reproduce to prove that it does the same work.
 *
 *   cc -O3 -march=native -pthread -o walk walk.c
 *   ./walk [--check] [--spread] [NAME-PREFIX...]
 */
#define _GNU_SOURCE
#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;
#define NOINLINE __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ------------------------------------------------------------------ simulated physical memory, frame allocator */

#define MEM_SIZE (4ull << 30)
#define FRAMES (MEM_SIZE >> 12)
/* neighbouring frames count in different cache lines: they often belong to different threads */
#define USED(pa) (((pa) >> 12 & 31) * (FRAMES / 32) + ((pa) >> 17))
#define SEED 0x9E3779B97F4A7C15ull

typedef struct { _Alignas(128) u32 held; } Lock;   /* two lines: processors prefetch in pairs */

typedef struct {
    uint8_t *base;        /* MEM_SIZE bytes, MAP_NORESERVE */
    u64 size;
    uint16_t *used;       /* by USED(frame): how many entries of the table in it are present */
    u32 *next;            /* free list links, kept outside the simulated memory */
    u32 free_head, bump;
    Lock lock;            /* of the allocator */
} Mem;

INLINE void lock(Lock *l) {
    while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        for (int spins = 0; __atomic_load_n(&l->held, __ATOMIC_RELAXED);)
            if (++spins < 64) __builtin_ia32_pause(); else sched_yield();
}
INLINE void unlock(Lock *l) { __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE); }

INLINE u64 *at(const Mem *m, u64 pa) { return (u64 *)(m->base + pa); }
INLINE u64 ld(const Mem *m, u64 pa) { return __atomic_load_n(at(m, pa), __ATOMIC_RELAXED); }
INLINE void st(const Mem *m, u64 pa, u64 v) { __atomic_store_n(at(m, pa), v, __ATOMIC_RELAXED); }

static void mem_open(Mem *m) {
    memset(m, 0, sizeof *m);
    m->base = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->base == MAP_FAILED) { perror("mmap"); exit(1); }
    m->size = MEM_SIZE;
    m->used = calloc(FRAMES, sizeof *m->used);
    m->next = calloc(FRAMES, sizeof *m->next);
    m->bump = 0x100;      /* tables start at 1 MiB */
}
static void mem_close(Mem *m) { munmap(m->base, MEM_SIZE); free(m->used); free(m->next); }

static u64 frame_alloc(Mem *m) {               /* always a zeroed frame: a table is freed only when it is empty */
    lock(&m->lock);
    u32 f = m->free_head;
    if (f) m->free_head = m->next[f]; else f = m->bump++;
    unlock(&m->lock);
    return (u64)f << 12;
}
static void frame_free(Mem *m, u64 pa) {
    lock(&m->lock);
    m->next[pa >> 12] = m->free_head;
    m->free_head = pa >> 12;
    unlock(&m->lock);
}

/* ------------------------------------------------------------------ walks */

#define HAW 48
#define ADDR 0x0000FFFFFFFFF000ull
#define HIGH 0x000F000000000000ull             /* 51:HAW */
#define R 1ull
#define W 2ull
#define PS 0x80ull
/* a result: 51:0 address, 57:52 log2(page size), 58 readable, 59 writable; or bit 63 and the fault code */
#define FAULT(code) (0x8000000000000000ull | (code))
#define RESULT(pa, shift, rw) ((pa) | (u64)(shift) << 52 | (u64)(rw) << 58)

#define SS_RSV (HIGH | 1ull << 62)             /* second stage: IW is reserved without SSIRWE */
#define SS_RSV_L4 (SS_RSV | PS | 0x800)
#define SS_RSV_TABLE (SS_RSV | 0x800)
#define SS_RSV_1G (SS_RSV | 0x3FFFF000)
#define SS_RSV_2M (SS_RSV | 0x1FF000)

/* One access of a table entry: address within memory, present, reserved bits, rights. */
#define SS_STEP(shift, rsv)                                                        \
    a = t | (iova >> (shift) & 511) << 3;                                          \
    if (UNLIKELY(a >= m->size)) return FAULT((shift) == 39 ? 0x7B : 0x78);         \
    e = ld(m, a);                                                                  \
    if (UNLIKELY(!(e & 3))) return FAULT(0x79);                                    \
    if (UNLIKELY(e & (rsv))) return FAULT(0x7A);                                   \
    rw &= e

INLINE u64 ss_leaf(u64 e, u64 iova, int shift, u64 rw, u64 need) {
    if (UNLIKELY((rw & need) != need)) return FAULT(!rw ? 0x79 : need & ~rw & W ? 0x85 : 0x86);
    u64 low = (1ull << shift) - 1;
    u64 pa = (e & ADDR & ~low) | (iova & low);
    if (UNLIKELY(pa >> 20 == 0xFEE)) return FAULT(0x87);
    return RESULT(pa, shift, rw);
}
/* second stage, 4 levels: every check at its place, so that the first failing one names the fault */
NOINLINE static u64 ss_walk_exact(const Mem *m, u64 root, u64 iova, u64 need) {
    u64 a, e, t = root, rw = 3;
    if (UNLIKELY(iova >> 48)) return FAULT(0x84);
    SS_STEP(39, SS_RSV_L4);
    t = e & ADDR;
    SS_STEP(30, e & PS ? SS_RSV_1G : SS_RSV_TABLE);
    if (UNLIKELY(e & PS)) return ss_leaf(e, iova, 30, rw, need);
    t = e & ADDR;
    SS_STEP(21, e & PS ? SS_RSV_2M : SS_RSV_TABLE);
    if (e & PS) return ss_leaf(e, iova, 21, rw, need);
    t = e & ADDR;
    SS_STEP(12, SS_RSV);
    return ss_leaf(e, iova, 12, rw, need);
}

/* The same, for a walk that will succeed: table addresses are folded into memory instead of compared, all other checks
 * are made once over the OR and the AND of the entries; whatever fails any of them is walked again, exactly. */
#define IN_MEM (ADDR & (MEM_SIZE - 1))
#define TABLE_BAD (SS_RSV_TABLE | PS | (ADDR & ~(MEM_SIZE - 1)))
INLINE u64 ss_walk(const Mem *m, u64 root, u64 iova, u64 need) {
    u64 e4 = ld(m, root | (iova >> 39 & 511) << 3);
    u64 e3 = ld(m, (e4 & IN_MEM) | (iova >> 30 & 511) << 3);
    u64 e2 = ld(m, (e3 & IN_MEM) | (iova >> 21 & 511) << 3);
    if (e2 & PS) {
        u64 rw = e4 & e3 & e2, pa = (e2 & ADDR & -0x200000ull) | (iova & 0x1FFFFF);
        if (LIKELY(!(((e4 | e3) & TABLE_BAD) | (e2 & SS_RSV_2M) | (need & ~rw) | iova >> 48) && pa >> 20 != 0xFEE))
            return RESULT(pa, 21, rw & 3);
    } else {
        u64 e1 = ld(m, (e2 & IN_MEM) | (iova >> 12 & 511) << 3);
        u64 rw = e4 & e3 & e2 & e1, pa = (e1 & ADDR) | (iova & 0xFFF);
        if (LIKELY(!(((e4 | e3 | e2) & TABLE_BAD) | (e1 & SS_RSV) | (need & ~rw) | iova >> 48) && pa >> 20 != 0xFEE))
            return RESULT(pa, 12, rw & 3);
    }
    return ss_walk_exact(m, root, iova, need);
}

#define FS_A 0x20ull
#define FS_D 0x40ull
#define FS_US 4ull
/* One access of a first-stage entry; nested: its address goes through the second stage first. */
#define FS_STEP(shift, rsv)                                                        \
    a = t | (iova >> (shift) & 511) << 3;                                          \
    if (nested) {                                                                  \
        s = ss_walk(m, ssroot, a, R);                                              \
        if (UNLIKELY(s >> 63)) return s;                                           \
        a = s & 0x000FFFFFFFFFFFFFull;                                             \
    }                                                                              \
    if (UNLIKELY(a >= m->size)) return FAULT((shift) == 39 ? 0x73 : 0x70);         \
    e = ld(m, a);                                                                  \
    if (UNLIKELY(!(e & 1))) return FAULT(0x71);                                    \
    if (UNLIKELY(e & (rsv))) return FAULT(0x72);                                   \
    rights &= e

NOINLINE static void fs_update(const Mem *m, u64 a, u64 bits) { __atomic_fetch_or(at(m, a), bits, __ATOMIC_RELAXED); }

INLINE u64 fs_leaf(const Mem *m, u64 ssroot, int nested, u64 a, u64 e, u64 iova, int shift, u64 rights, u64 need) {
    if (UNLIKELY(!(rights & FS_US))) return FAULT(0x81);
    if (UNLIKELY(need & W && !(rights & W))) return FAULT(0x85);
    u64 low = (1ull << shift) - 1, pa = (e & ADDR & ~low) | (iova & low), rw = R | (rights & W);
    if (nested) {
        u64 s = ss_walk(m, ssroot, pa, need);
        if (UNLIKELY(s >> 63)) return s;
        int sshift = s >> 52 & 63;
        pa = s & 0x000FFFFFFFFFFFFFull;
        rw &= s >> 58;
        if (sshift < shift) shift = sshift;
    }
    if (UNLIKELY(pa >> 20 == 0xFEE)) return FAULT(0x87);
    u64 set = need & W ? FS_A | FS_D : FS_A;
    if (UNLIKELY((e & set) != set)) fs_update(m, a, set);
    return RESULT(pa, shift, rw);
}
/* first stage, 4 levels, user access; nested on a second stage if asked to */
INLINE u64 fs_walk(const Mem *m, u64 root, u64 ssroot, int nested, u64 iova, u64 need) {
    u64 a, e, s, t = root, rights = 7;
    if (UNLIKELY((u64)((int64_t)(iova << 16) >> 16) != iova)) return FAULT(0x80);
    FS_STEP(39, HIGH | PS);
    if (UNLIKELY(!(e & FS_A))) fs_update(m, a, FS_A);
    t = e & ADDR;
    FS_STEP(30, HIGH | (e & PS ? 0x3FFFE000 : 0));
    if (UNLIKELY(e & PS)) return fs_leaf(m, ssroot, nested, a, e, iova, 30, rights, need);
    if (UNLIKELY(!(e & FS_A))) fs_update(m, a, FS_A);
    t = e & ADDR;
    FS_STEP(21, HIGH | (e & PS ? 0x1FE000 : 0));
    if (e & PS) return fs_leaf(m, ssroot, nested, a, e, iova, 21, rights, need);
    if (UNLIKELY(!(e & FS_A))) fs_update(m, a, FS_A);
    t = e & ADDR;
    FS_STEP(12, HIGH);
    return fs_leaf(m, ssroot, nested, a, e, iova, 12, rights, need);
}

/* ------------------------------------------------------------------ root -> context -> PASID directory -> entry */

typedef struct { u64 w0, w1, w2; } PasidEntry;

/* 0, or a fault */
INLINE u64 pasid_lookup(const Mem *m, u64 rtaddr, u32 rid, u32 pasid, PasidEntry *out) {
    u64 a = (rtaddr & ~0xFFFull) + (rid >> 8) * 16 + (rid & 0x80 ? 8 : 0), e, d, *p;
    if (UNLIKELY(a >= m->size)) return FAULT(0x38);
    e = ld(m, a);
    if (UNLIKELY(!(e & 1))) return FAULT(0x39);
    if (UNLIKELY(e & 0xFFFF000000000FFEull)) return FAULT(0x3A);
    a = (e & ADDR) + (rid & 0x7F) * 32;
    if (UNLIKELY(a >= m->size)) return FAULT(0x40);
    p = at(m, a);
    e = ld(m, a);
    if (UNLIKELY(!(e & 1))) return FAULT(0x41);
    if (UNLIKELY((e & 0xFFFF0000000001E0ull) | (p[1] & 0xFFFFFFFFFFE00000ull) | p[2] | p[3])) return FAULT(0x42);
    if (UNLIKELY(!(e & 8))) return FAULT(0x45);
    if (UNLIKELY(pasid >> ((e >> 9 & 7) + 13))) return FAULT(0x46);
    a = (e & ADDR) + (u64)(pasid >> 6) * 8;
    if (UNLIKELY(a >= m->size)) return FAULT(0x50);
    d = ld(m, a);
    if (UNLIKELY(!(d & 1))) return FAULT(0x51);
    if (UNLIKELY(d & 0xFFFF000000000FFCull)) return FAULT(0x52);
    a = (d & ADDR) + (pasid & 63) * 64;
    if (UNLIKELY(a >= m->size)) return FAULT(0x58);
    p = at(m, a);
    out->w0 = ld(m, a);
    out->w1 = ld(m, a + 8);
    out->w2 = ld(m, a + 16);
    if (UNLIKELY(!(out->w0 & 1))) return FAULT(0x59);
    if (UNLIKELY((out->w0 & 0xFFFF000000000C20ull) | (out->w1 & 0xFFFFFFFFFE7F0000ull)
            | (out->w2 & 0xFFFF000000000F02ull) | p[3] | p[4] | p[5] | p[6] | p[7])) return FAULT(0x5A);
    return 0;
}
INLINE u64 translate_by(const Mem *m, const PasidEntry *pe, u64 iova, u64 need) {
    u64 aw = pe->w0 >> 2 & 7;
    switch (pe->w0 >> 6 & 7) {
    case 1: return fs_walk(m, pe->w2 & ADDR, 0, 0, iova, need);
    case 2: return LIKELY(aw == 2) ? ss_walk(m, pe->w0 & ADDR, iova, need) : FAULT(0x5B);
    case 3: return LIKELY(aw == 2) ? fs_walk(m, pe->w2 & ADDR, pe->w0 & ADDR, 1, iova, need) : FAULT(0x5B);
    case 4: return iova >> HAW ? FAULT(0x83) : RESULT(iova, 12, 3);
    default: return FAULT(0x5B);
    }
}

/* ------------------------------------------------------------------ caches: set-associative, a sequence count a set */

#define SETS 64
#define WAYS 8
#define VALID (1ull << 63)
/* Bit w is set where tags[w] == key. No branch: which way hits cannot be predicted, a mispredict costs a whole lookup.
 * Vector loads are used on purpose: every aligned 8-byte lane is read whole on the processors that have them. */
INLINE u32 equal_ways(const u64 *tags, u64 key, int ways) {
#ifdef __AVX512VL__
    return ways == 8 ? _mm512_cmpeq_epi64_mask(_mm512_load_si512(tags), _mm512_set1_epi64(key))
                     : _mm256_cmpeq_epi64_mask(_mm256_load_si256((const void *)tags), _mm256_set1_epi64x(key));
#elif defined __AVX2__
    u32 hit = 0;
    for (int w = 0; w < ways; w += 4)
        hit |= (u32)_mm256_movemask_pd((__m256d)_mm256_cmpeq_epi64(_mm256_load_si256((const void *)(tags + w)),
                _mm256_set1_epi64x(key))) << w;
    return hit;
#else
    u32 hit = 0;
    for (int w = 0; w < ways; w++) hit |= (u32)(__atomic_load_n(&tags[w], __ATOMIC_RELAXED) == key) << w;
    return hit;
#endif
}

typedef struct {                               /* IOTLB: tag0 = VALID | page number, tag1 = domain << 20 | pasid */
    _Alignas(64) u64 tag0[SETS][WAYS];
    _Alignas(64) u64 tag1[SETS][WAYS];
    _Alignas(64) u64 data[SETS][WAYS];         /* a RESULT of the page */
    _Alignas(64) u32 seq[SETS];
} Iotlb;

INLINE u32 iotlb_set(u64 page, u32 did, u32 pasid) { return (page + 16 * (u64)(did + pasid)) & (SETS - 1); }

/* 0 is a miss. The sequence count makes the pair (tags, data) one value for concurrent readers. */
INLINE u64 iotlb_find(const Iotlb *t, u32 did, u32 pasid, u64 iova, u64 need) {
    u64 page = iova >> 12, k0 = VALID | page, k1 = (u64)did << 20 | pasid, d = 0;
    u32 s = iotlb_set(page, did, pasid), seq = __atomic_load_n(&t->seq[s], __ATOMIC_ACQUIRE);
    u32 hit = equal_ways(t->tag0[s], k0, WAYS) & equal_ways(t->tag1[s], k1, WAYS);
    if (LIKELY(hit)) d = __atomic_load_n(&t->data[s][__builtin_ctz(hit)], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (UNLIKELY(seq & 1 || __atomic_load_n(&t->seq[s], __ATOMIC_RELAXED) != seq)) return 0;
    if (UNLIKELY((d >> 58 & need) != need)) return 0;
    return d ? d | (iova & 0xFFF) : 0;
}
static void iotlb_fill(Iotlb *t, u32 did, u32 pasid, u64 iova, u64 result) {
    u32 s = iotlb_set(iova >> 12, did, pasid), w = 0;
    while (w < WAYS - 1 && t->tag0[s][w]) w++;
    __atomic_store_n(&t->seq[s], t->seq[s] + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    t->tag0[s][w] = VALID | iova >> 12;
    t->tag1[s][w] = (u64)did << 20 | pasid;
    t->data[s][w] = result & ~0xFFFull;
    __atomic_store_n(&t->seq[s], t->seq[s] + 1, __ATOMIC_RELEASE);
}

#define PWAYS 4
typedef struct {                               /* PASID cache: tag = VALID | rid << 20 | pasid */
    _Alignas(64) u64 tag[SETS][PWAYS];
    _Alignas(64) PasidEntry data[SETS][PWAYS];
    _Alignas(64) u32 seq[SETS];
} PasidCache;

INLINE u32 pc_set(u32 rid, u32 pasid) { return (rid * 4 + pasid) & (SETS - 1); }
INLINE int pc_find(const PasidCache *c, u32 rid, u32 pasid, PasidEntry *out) {
    u64 key = VALID | (u64)rid << 20 | pasid;
    u32 s = pc_set(rid, pasid), seq = __atomic_load_n(&c->seq[s], __ATOMIC_ACQUIRE);
    u32 hit = equal_ways(c->tag[s], key, PWAYS);
    if (LIKELY(hit)) *out = c->data[s][__builtin_ctz(hit)];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return hit && !(seq & 1) && __atomic_load_n(&c->seq[s], __ATOMIC_RELAXED) == seq;
}
static void pc_fill(PasidCache *c, u32 rid, u32 pasid, const PasidEntry *e) {
    u32 s = pc_set(rid, pasid), w = 0;
    while (w < PWAYS - 1 && c->tag[s][w]) w++;
    __atomic_store_n(&c->seq[s], c->seq[s] + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    c->tag[s][w] = VALID | (u64)rid << 20 | pasid;
    c->data[s][w] = *e;
    __atomic_store_n(&c->seq[s], c->seq[s] + 1, __ATOMIC_RELEASE);
}

/* ------------------------------------------------------------------ lock-striped second-stage table */

#define STRIPES 64
/* A stripe keeps the frames of the tables freed under it: no second lock, and they are still in this processor's cache. */
typedef struct { Lock lock; u32 free_head; } Stripe;
typedef struct { Mem *m; u64 root; Stripe stripe[STRIPES]; } Table;

static void table_open(Table *t, Mem *m) { memset(t, 0, sizeof *t); t->m = m; t->root = frame_alloc(m); }

/* The table below entry a, made if it is missing (a CAS decides between two makers); 0 where a page is mapped. */
INLINE u64 table_below(Table *t, u64 a, Stripe *held) {
    u64 e = __atomic_load_n(at(t->m, a), __ATOMIC_ACQUIRE);
    if (UNLIKELY(!e)) {
        u64 f = held ? (u64)held->free_head << 12 : 0, fresh;
        if (f) held->free_head = t->m->next[f >> 12]; else f = frame_alloc(t->m);
        fresh = f | R | W;
        if (__atomic_compare_exchange_n(at(t->m, a), &e, fresh, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            __atomic_fetch_add(&t->m->used[USED(a)], 1, __ATOMIC_RELAXED);
            return f;
        }
        frame_free(t->m, f);
    }
    return UNLIKELY(e & PS) ? 0 : e & ADDR;
}
/* address of the level-2 entry of iova (2 MiB); upper tables are made on the way and are never freed */
INLINE u64 level2(Table *t, u64 iova) {
    u64 l3 = table_below(t, t->root | (iova >> 39 & 511) << 3, NULL);
    u64 l2 = table_below(t, l3 | (iova >> 30 & 511) << 3, NULL);
    return l2 | (iova >> 21 & 511) << 3;
}
INLINE Stripe *stripe(Table *t, u64 iova) { return &t->stripe[iova >> 21 & (STRIPES - 1)]; }

/* Maps pages of 4 KiB within one 2 MiB area; 0 or -1 (EEXIST, nothing changed). The loops over entries are plain so that
 * they become vector code: an aligned 8-byte lane is never seen half-written on the processors this is meant for. */
NOINLINE static int map4k(Table *t, u64 iova, u64 pa, u64 pages, u64 perms) {
    u64 a2 = level2(t, iova);
    Stripe *s = stripe(t, iova);
    lock(&s->lock);
    u64 l1 = table_below(t, a2, s), *e = at(t->m, l1 | (iova >> 12 & 511) << 3), any = 0;
    if (UNLIKELY(!l1)) { unlock(&s->lock); return -1; }
    if (pages == 1) any = *e; else for (u64 i = 0; i < pages; i++) any |= e[i];
    if (UNLIKELY(any)) { unlock(&s->lock); return -1; }
    if (pages == 1) *e = pa | perms; else for (u64 i = 0; i < pages; i++) e[i] = (pa + (i << 12)) | perms;
    t->m->used[USED(l1)] += pages;
    unlock(&s->lock);
    return 0;
}
/* Unmaps; the table goes back to the allocator when it is empty. Answers the pages unmapped. */
NOINLINE static u64 unmap4k(Table *t, u64 iova, u64 pages) {
    u64 a2 = level2(t, iova), n = 0;
    Stripe *s = stripe(t, iova);
    lock(&s->lock);
    u64 e2 = ld(t->m, a2), l1 = e2 & ADDR;
    if (UNLIKELY(!e2 || e2 & PS)) { unlock(&s->lock); return 0; }
    u64 *e = at(t->m, l1 | (iova >> 12 & 511) << 3);
    if (pages == 1) { n = (*e & 3) != 0; *e = 0; }
    else {
        for (u64 i = 0; i < pages; i++) n += (e[i] & 3) != 0;
        for (u64 i = 0; i < pages; i++) e[i] = 0;
    }
    if (!(t->m->used[USED(l1)] -= n)) {
        __atomic_store_n(at(t->m, a2), 0, __ATOMIC_RELEASE);
        __atomic_fetch_sub(&t->m->used[USED(a2)], 1, __ATOMIC_RELAXED);
        t->m->next[l1 >> 12] = s->free_head;
        s->free_head = l1 >> 12;
    }
    unlock(&s->lock);
    return n;
}
/* Pages of 2 MiB within one 1 GiB area. No lock: an entry goes from empty to leaf and back by CAS, as it goes from empty
 * to table in table_below; whoever loses against another maker sees it. */
NOINLINE static u64 unmap2m(Table *t, u64 iova, u64 pages) {
    u64 a2 = level2(t, iova), n = 0;
    for (u64 a = a2; a < a2 + pages * 8; a += 8) {
        u64 e = ld(t->m, a);
        n += e & PS && __atomic_compare_exchange_n(at(t->m, a), &e, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }
    __atomic_fetch_sub(&t->m->used[USED(a2)], n, __ATOMIC_RELAXED);
    return n;
}
NOINLINE static int map2m(Table *t, u64 iova, u64 pa, u64 pages, u64 perms) {
    u64 a2 = level2(t, iova), any = 0, i;
    for (i = 0; i < pages; i++) any |= at(t->m, a2)[i];
    if (UNLIKELY(any)) return -1;
    for (i = 0; i < pages; i++) {
        u64 none = 0;
        if (UNLIKELY(!__atomic_compare_exchange_n(at(t->m, a2 + i * 8), &none, (pa + (i << 21)) | perms | PS, 0,
                __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))) break;
    }
    __atomic_fetch_add(&t->m->used[USED(a2)], i, __ATOMIC_RELAXED);
    if (LIKELY(i == pages)) return 0;
    unmap2m(t, iova, i);
    return -1;
}

/* ------------------------------------------------------------------ the measured worlds */

#define ROUTES 128
#define RID(i) (0x3A00 + (i))                  /* 16 requesters */
#define PASID(k) (100 + 77 * (k))              /* 8 PASIDs each */
#define BASE(io) ((u64)(io) << 30)        /* from World.base */

typedef struct {
    Mem m;
    Table small, large, huge, far, gpa, work;  /* 512 x 4K; 1 GiB by 4K; 64 GiB by 2M; 64 GiB by 4K; nested; map/unmap */
    u64 fsroot;                                /* guest table: a GPA in `gpa` */
    Table io[16];
    u64 rtaddr;
    u64 small_base, base, guest_base;          /* IOVAs the workloads start at; not compile-time constants */
    Iotlb *tlb, *full_tlb;
    PasidCache *pc;
} World;

static u64 guest_frame(World *w) { static u64 next = 0x10000000; u64 g = next; next += 4096; /* mapped below */ 
    if (map4k(&w->gpa, g, frame_alloc(&w->m), 1, R | W)) abort();
    return g; }
static u64 gpa_to_pa(World *w, u64 g) { return ss_walk(&w->m, w->gpa.root, g, R) & 0x000FFFFFFFFFFFFFull; }

static void fs_map_nested(World *w, u64 iova, u64 gpa) {
    u64 t = w->fsroot;
    for (int shift = 39; shift > 12; shift -= 9) {
        u64 *e = at(&w->m, gpa_to_pa(w, t | (iova >> shift & 511) << 3));
        if (!*e) *e = guest_frame(w) | 7 | FS_A;
        t = *e & ADDR;
    }
    *at(&w->m, gpa_to_pa(w, t | (iova >> 12 & 511) << 3)) = gpa | 7 | FS_A | FS_D;
}

static void world_open(World *w) {
    mem_open(&w->m);
    w->small_base = 0x7F1234400000;
    w->base = 0x7F0000000000;
    w->guest_base = 0x555500000000;
    Mem *m = &w->m;
    table_open(&w->small, m);
    map4k(&w->small, 0x7F1234400000, 0x100000000, 512, R | W);
    table_open(&w->large, m);
    for (u64 i = 0; i < 512; i++) map4k(&w->large, 0x7F0000000000 + (i << 21), 0x200000000 + (i << 21), 512, R | W);
    table_open(&w->huge, m);
    for (u64 i = 0; i < 64; i++) map2m(&w->huge, 0x7F0000000000 + (i << 30), 0x1000000000 + (i << 30), 512, R | W);
    table_open(&w->far, m);
    for (u64 i = 0; i < 32768; i++) map4k(&w->far, 0x7F0000000000 + (i << 21), 0x1000000000 + (i << 21), 512, R | W);
    /* nested: GPA [0, 256 MiB) data, tables from 256 MiB up; guest maps 256 MiB at 0x555500000000 */
    table_open(&w->gpa, m);
    for (u64 i = 0; i < 128; i++) map4k(&w->gpa, i << 21, 0x300000000 + (i << 21), 512, R | W);
    w->fsroot = guest_frame(w);
    for (u64 i = 0; i < 65536; i++) fs_map_nested(w, 0x555500000000 + (i << 12), i << 12);
    table_open(&w->work, m);
    /* scalable mode: 16 requesters x 8 PASIDs = 128 routes onto 16 second-stage tables of 512 pages */
    u64 root = frame_alloc(m), ctx = frame_alloc(m);
    w->rtaddr = root | 0x400;
    *at(m, root + 0x3A * 16) = ctx | 1;
    for (int i = 0; i < 16; i++) {
        table_open(&w->io[i], m);
        map4k(&w->io[i], w->base + BASE(i), 0x400000000 + ((u64)i << 21), 512, R | W);
    }
    for (int r = 0; r < 16; r++) {
        u64 dir = frame_alloc(m), *c = at(m, ctx + r * 32);
        c[0] = dir | 9;                        /* P, PASIDE, PDTS = 0: 128 directory entries */
        for (int k = 0; k < 8; k++) {
            u64 *d = at(m, dir + (PASID(k) >> 6) * 8);
            if (!*d) *d = frame_alloc(m) | 1;
            u64 *p = at(m, (*d & ADDR) + (PASID(k) & 63) * 64);
            int io = (r * 8 + k) % 16;
            p[0] = w->io[io].root | 2 << 6 | 2 << 2 | 1;
            p[1] = 1ull << 23 | (io + 1);
        }
    }
    w->tlb = aligned_alloc(64, sizeof *w->tlb);
    w->full_tlb = aligned_alloc(64, sizeof *w->full_tlb);
    w->pc = aligned_alloc(64, sizeof *w->pc);
    memset(w->tlb, 0, sizeof *w->tlb);
    memset(w->full_tlb, 0, sizeof *w->full_tlb);
    memset(w->pc, 0, sizeof *w->pc);
    for (u64 did = 1; did <= 4; did++) for (u64 pasid = 1; pasid <= 4; pasid++) for (u64 page = 0; page < 16; page++)
        iotlb_fill(w->tlb, did, pasid, 0x7F1234400000 + (page << 12), RESULT(0x100000000 + (page << 12), 12, 3));
    for (int io = 0; io < 16; io++) for (u64 page = 0; page < 16; page++)
        iotlb_fill(w->full_tlb, io + 1, 0, w->base + BASE(io) + (page << 12),
                RESULT(0x400000000 + ((u64)io << 21) + (page << 12), 12, 3));
    for (int r = 0; r < 16; r++) for (int k = 0; k < 8; k++) {
        PasidEntry e;
        if (pasid_lookup(m, w->rtaddr, RID(r), PASID(k), &e)) abort();
        pc_fill(w->pc, RID(r), PASID(k), &e);
    }
}

/* ------------------------------------------------------------------ workloads: run n ops, answer the sum of results */

INLINE u64 rnd(u64 *x) { u64 v = *x; v ^= v << 13; v ^= v >> 7; v ^= v << 17; return *x = v; }

typedef u64 (*Work)(World *w, u64 n, u64 *seed);
#define LOOP(...) { u64 sum = 0, x = *seed; for (u64 i = 0; i < n; i++) { u64 r = rnd(&x); __VA_ARGS__ } *seed = x; return sum; }

NOINLINE static u64 walk_4k_small(World *w, u64 n, u64 *seed)
    LOOP(sum += ss_walk(&w->m, w->small.root, w->small_base | (r & 0x1FFFFF), R | (r >> 62 & W));)
NOINLINE static u64 walk_4k_large(World *w, u64 n, u64 *seed)
    LOOP(sum += ss_walk(&w->m, w->large.root, w->base | (r & 0x3FFFFFFF), R | (r >> 62 & W));)
NOINLINE static u64 walk_4k_large_dep(World *w, u64 n, u64 *seed)  /* each op waits for the one before: latency */
    LOOP(u64 v = ss_walk(&w->m, w->large.root, w->base | (r & 0x3FFFFFFF), R | (r >> 62 & W));
         sum += v; x ^= v >> 63;)
NOINLINE static u64 walk_4k_far(World *w, u64 n, u64 *seed)
    LOOP(sum += ss_walk(&w->m, w->far.root, w->base | (r & 0xFFFFFFFFF), R | (r >> 62 & W));)
NOINLINE static u64 walk_2m(World *w, u64 n, u64 *seed)
    LOOP(sum += ss_walk(&w->m, w->huge.root, w->base | (r & 0xFFFFFFFFF), R | (r >> 62 & W));)
NOINLINE static u64 walk_nested_4k(World *w, u64 n, u64 *seed)
    LOOP(sum += fs_walk(&w->m, w->fsroot, w->gpa.root, 1, w->guest_base | (r & 0xFFFFFFF), R | (r >> 62 & W));)
NOINLINE static u64 iotlb_hit(World *w, u64 n, u64 *seed)
    LOOP(sum += iotlb_find(w->tlb, 1 + (r & 3), 1 + (r >> 2 & 3), w->small_base | (r >> 4 & 0xFFFF), R | (r >> 62 & W));)
NOINLINE static u64 full_translate(World *w, u64 n, u64 *seed)
    LOOP(u64 q = r >> 4 & 15; u64 k = r & 7; PasidEntry e;
         u64 f = pasid_lookup(&w->m, w->rtaddr, RID(q), PASID(k), &e);
         sum += f ? f : translate_by(&w->m, &e, (w->base + BASE((q * 8 + k) % 16)) | (r >> 8 & 0x1FFFFF), R | (r >> 62 & W));)
NOINLINE static u64 full_translate_hit(World *w, u64 n, u64 *seed)
    LOOP(u64 q = r >> 4 & 15; u64 k = r & 7; PasidEntry e; u64 f, need = R | (r >> 62 & W);
         u64 iova = (w->base + BASE((q * 8 + k) % 16)) | (r >> 8 & 0xFFFF);
         if (UNLIKELY(!pc_find(w->pc, RID(q), PASID(k), &e))) {
             if ((f = pasid_lookup(&w->m, w->rtaddr, RID(q), PASID(k), &e))) { sum += f; continue; }
             pc_fill(w->pc, RID(q), PASID(k), &e);
         }
         f = iotlb_find(w->full_tlb, e.w1 & 0xFFFF, 0, iova, need);
         sum += LIKELY(f) ? f : translate_by(&w->m, &e, iova, need);)

/* ------------------------------------------------------------------ harness */

#define RUNS 5
#define MIN_NS 300e6
static World W0;
static int spread, nthreads = 1;
static volatile int stop_flag;
static u64 sink;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1e9 + t.tv_nsec; }
static int cmp(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return (x > y) - (x < y); }
static void report(const char *name, int threads, double *v) {
    qsort(v, RUNS, sizeof *v, cmp);
    if (spread) printf("%-22s %d %8.3f   %.3f..%.3f\n", name, threads, v[RUNS / 2], v[0], v[RUNS - 1]);
    else printf("%s %d %.3f\n", name, threads, v[RUNS / 2]);
    fflush(stdout);
}

/* Runs body(thread) on n threads at once. */
typedef struct { void (*body)(int, void *); void *arg; int id; pthread_barrier_t *go; } Start;
static void *starter(void *p) { Start *s = p; pthread_barrier_wait(s->go); s->body(s->id, s->arg); return NULL; }
static void parallel(int n, void (*body)(int, void *), void *arg) {
    pthread_t t[8]; Start s[8]; pthread_barrier_t go;
    pthread_barrier_init(&go, NULL, n);
    for (int i = 0; i < n; i++) { s[i] = (Start){body, arg, i, &go}; pthread_create(&t[i], NULL, starter, &s[i]); }
    for (int i = 0; i < n; i++) pthread_join(t[i], NULL);
    pthread_barrier_destroy(&go);
}

typedef struct { Work f; u64 n; double ns[8]; } Reads;
static void reads_body(int id, void *p) {
    Reads *a = p; u64 seed = SEED + id; double t = now();
    u64 s = a->f(&W0, a->n, &seed);
    a->ns[id] = (now() - t) / a->n;
    __atomic_fetch_add(&sink, s, __ATOMIC_RELAXED);
}
static void measure(const char *name, int threads, Work f) {
    Reads a = {f, 1 << 16, {0}}; double v[RUNS];
    for (;; a.n *= 2) { parallel(1, reads_body, &a); if (a.ns[0] * a.n > MIN_NS / 4) break; }
    a.n = a.n * 1.3 * MIN_NS / (a.ns[0] * a.n);
    for (int r = 0; r < RUNS; r++) {
        parallel(threads, reads_body, &a);
        v[r] = 0;
        for (int i = 0; i < threads; i++) v[r] += a.ns[i] / threads;
    }
    report(name, threads, v);
}

/* A pass maps everything, the next unmaps everything; thread i of n owns areas i, i+n, ... */
enum { PASS_4K, PASS_4K_SINGLE, PASS_2M };
typedef struct { int kind; u64 areas; double map[8], unmap[8]; } Writes;
static void pass_map(Table *t, int kind, u64 base, u64 areas, int id, int n) {
    for (u64 i = id; i < areas; i += n)
        if (kind == PASS_4K) map4k(t, base + (i << 21), 0x800000000 + (i << 21), 512, R | W);
        else if (kind == PASS_2M) map2m(t, base + (i << 30), 0x1000000000 + (i << 30), 512, R | W);
        else for (u64 p = 0; p < 512; p++) map4k(t, base + (i << 21 | p << 12), 0x800000000 + (i << 21 | p << 12), 1, R | W);
}
static u64 pass_unmap(Table *t, int kind, u64 base, u64 areas, int id, int n) {
    u64 c = 0;
    for (u64 i = id; i < areas; i += n)
        if (kind == PASS_4K) c += unmap4k(t, base + (i << 21), 512);
        else if (kind == PASS_2M) c += unmap2m(t, base + (i << 30), 512);
        else for (u64 p = 0; p < 512; p++) c += unmap4k(t, base + (i << 21 | p << 12), 1);
    return c;
}
#define WORK_BASE 0x100000000000ull
static void writes_body(int id, void *p) {
    Writes *a = p; double m = 0, u = 0, pages = 0;
    while (m < MIN_NS || u < MIN_NS) {
        double t0 = now();
        pass_map(&W0.work, a->kind, WORK_BASE, a->areas, id, nthreads);
        double t1 = now();
        u64 c = pass_unmap(&W0.work, a->kind, WORK_BASE, a->areas, id, nthreads);
        double t2 = now();
        m += t1 - t0; u += t2 - t1; pages += c;
        if (c != a->areas / nthreads * 512) abort();
    }
    a->map[id] = m / pages; a->unmap[id] = u / pages;
}
static void measure_writes(const char *map, const char *unmap, int threads, int kind, u64 areas) {
    Writes a = {kind, areas, {0}, {0}}; double v[RUNS], u[RUNS];
    nthreads = threads;
    for (int r = 0; r < RUNS; r++) {
        parallel(threads, writes_body, &a);
        v[r] = u[r] = 0;
        for (int i = 0; i < threads; i++) { v[r] += a.map[i] / threads; u[r] += a.unmap[i] / threads; }
    }
    report(map, threads, v);
    report(unmap, threads, u);
}

/* One thread maps and unmaps areas of `large` above its 1 GiB while the other walks that 1 GiB. */
typedef struct { double walk, map; } Mixed;
static void mixed_body(int id, void *p) {
    Mixed *a = p; double t = now();
    if (id) {
        u64 pages = 0;
        while (!stop_flag) {
            pass_map(&W0.large, PASS_4K, 0x7F0040000000, 64, 0, 1);
            pages += 2 * pass_unmap(&W0.large, PASS_4K, 0x7F0040000000, 64, 0, 1);
        }
        a->map = (now() - t) / pages;
    } else {
        u64 seed = SEED, n = 0, s = 0;
        while (now() - t < MIN_NS * 1.3) { s += walk_4k_large(&W0, 100000, &seed); n += 100000; }
        a->walk = (now() - t) / n;
        stop_flag = 1;
        __atomic_fetch_add(&sink, s, __ATOMIC_RELAXED);
    }
}
static void measure_mixed(void) {
    double v[RUNS], u[RUNS];
    for (int r = 0; r < RUNS; r++) {
        Mixed a = {0, 0};
        stop_flag = 0;
        parallel(2, mixed_body, &a);
        v[r] = a.walk; u[r] = a.map;
    }
    report("mixed-walk-4k-large", 2, v);
    report("mixed-map-unmap-4k", 2, u);
}

static int wanted(const char *name, int argc, char **argv) {
    int any = 0;
    for (int i = 1; i < argc; i++) if (argv[i][0] != '-') { any = 1; if (!strncmp(name, argv[i], strlen(argv[i]))) return 1; }
    return !any;
}

int main(int argc, char **argv) {
    static const struct { const char *name; Work f; } reads[] = {
        {"walk-4k-small", walk_4k_small}, {"walk-4k-large", walk_4k_large}, {"walk-4k-large-dep", walk_4k_large_dep},
        {"walk-4k-far", walk_4k_far}, {"walk-2m", walk_2m}, {"walk-nested-4k", walk_nested_4k}, {"iotlb-hit", iotlb_hit},
        {"full-translate", full_translate}, {"full-translate-hit", full_translate_hit},
    };
    static const struct { const char *map, *unmap; int kind; u64 areas; } writes[] = {
        {"map-4k", "unmap-4k", PASS_4K, 512}, {"map-4k-single", "unmap-4k-single", PASS_4K_SINGLE, 512},
        {"map-2m", "unmap-2m", PASS_2M, 64},
    };
    int check = 0;
    for (int i = 1; i < argc; i++) { spread |= !strcmp(argv[i], "--spread"); check |= !strcmp(argv[i], "--check"); }
    world_open(&W0);
    if (check) {
        for (u64 i = 0; i < sizeof reads / sizeof *reads; i++) {
            u64 seed = SEED;
            printf("check %s 0x%016llx\n", reads[i].name, (unsigned long long)reads[i].f(&W0, 1000000, &seed));
        }
        return 0;
    }
    for (u64 i = 0; i < sizeof reads / sizeof *reads; i++)
        for (int t = 1; t <= 2; t++) if (wanted(reads[i].name, argc, argv)) measure(reads[i].name, t, reads[i].f);
    for (u64 i = 0; i < sizeof writes / sizeof *writes; i++)
        for (int t = 1; t <= 2; t++) if (wanted(writes[i].map, argc, argv) || wanted(writes[i].unmap, argc, argv))
            measure_writes(writes[i].map, writes[i].unmap, t, writes[i].kind, writes[i].areas);
    if (wanted("mixed-walk-4k-large", argc, argv) || wanted("mixed-map-unmap-4k", argc, argv)) measure_mixed();
    mem_close(&W0.m);
    return sink == 42;
}
