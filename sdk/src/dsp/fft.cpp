#include "dsp/fft.h"

#include <cstring>

#include "base/math.h"

namespace linnet::dsp {
namespace {

struct Twiddle {
  float re, im;
};

// Of the length W, whose divisors it serves as well.
template <int W>
struct Table {
  float re[W / 2 + 1] = {}, im[W / 2 + 1] = {};  // e^{-j 2 pi k / W}

  constexpr Table() {
    for (int k = 0; k <= W / 2; ++k) {
      double angle = 2 * base::kPi * k / W;
      re[k] = static_cast<float>(base::table_cosine(angle));
      im[k] = static_cast<float>(-base::table_sine(angle));
    }
  }
};

template <int W>
constexpr Table<W> kTable{};

// e^{-j 2 pi k / length} for every k of a circle, of which a table holds the lower half.
struct Circle {
  const float *re, *im;
  int length;

  constexpr Twiddle operator[](int k) const {
    return 2 * k <= length ? Twiddle{re[k], im[k]} : Twiddle{re[length - k], -im[length - k]};
  }
};

constexpr Circle kFull{kTable<kWindow>.re, kTable<kWindow>.im, kWindow}, kOther{kTable<640>.re, kTable<640>.im, 640};

// The one that serves transforms of a window: that of 960 for 960, 480, 320 and 160; 640 has its own.
constexpr const Circle &circle_of(int window) { return kWindow % window == 0 ? kFull : kOther; }

// Complex numbers, up to half as many as the longest window has samples.
struct Planes {
  float re[kWindow / 2], im[kWindow / 2];
};

// b[j] = sum_k e^{-j 2 pi j k / R} a[k].
template <int R>
__attribute__((always_inline)) inline void butterfly(const float (&ar)[R], const float (&ai)[R], float (&br)[R],
                                                     float (&bi)[R]) {
  if constexpr (R == 2) {
    br[0] = ar[0] + ar[1];
    bi[0] = ai[0] + ai[1];
    br[1] = ar[0] - ar[1];
    bi[1] = ai[0] - ai[1];
  } else if constexpr (R == 3) {
    constexpr float kSin = 0.866025404f;  // sin(2 pi / 3)
    float sr = ar[1] + ar[2], si = ai[1] + ai[2];
    float dr = kSin * (ar[1] - ar[2]), di = kSin * (ai[1] - ai[2]);
    float mr = ar[0] - 0.5f * sr, mi = ai[0] - 0.5f * si;
    br[0] = ar[0] + sr;
    bi[0] = ai[0] + si;
    br[1] = mr + di;
    bi[1] = mi - dr;
    br[2] = mr - di;
    bi[2] = mi + dr;
  } else if constexpr (R == 4) {
    float sr = ar[0] + ar[2], si = ai[0] + ai[2], dr = ar[0] - ar[2], di = ai[0] - ai[2];
    float tr = ar[1] + ar[3], ti = ai[1] + ai[3], ur = ar[1] - ar[3], ui = ai[1] - ai[3];
    br[0] = sr + tr;
    bi[0] = si + ti;
    br[1] = dr + ui;
    bi[1] = di - ur;
    br[2] = sr - tr;
    bi[2] = si - ti;
    br[3] = dr - ui;
    bi[3] = di + ur;
  } else {
    static_assert(R == 5);
    constexpr float kCos1 = 0.309016994f, kCos2 = -0.809016994f;  // cos(2 pi / 5), cos(4 pi / 5)
    constexpr float kSin1 = 0.951056516f, kSin2 = 0.587785252f;
    float s1r = ar[1] + ar[4], s1i = ai[1] + ai[4], d1r = ar[1] - ar[4], d1i = ai[1] - ai[4];
    float s2r = ar[2] + ar[3], s2i = ai[2] + ai[3], d2r = ar[2] - ar[3], d2i = ai[2] - ai[3];
    float m1r = ar[0] + (kCos1 * s1r + kCos2 * s2r), m1i = ai[0] + (kCos1 * s1i + kCos2 * s2i);
    float m2r = ar[0] + (kCos2 * s1r + kCos1 * s2r), m2i = ai[0] + (kCos2 * s1i + kCos1 * s2i);
    float n1r = kSin1 * d1r + kSin2 * d2r, n1i = kSin1 * d1i + kSin2 * d2i;
    float n2r = kSin2 * d1r - kSin1 * d2r, n2i = kSin2 * d1i - kSin1 * d2i;
    br[0] = ar[0] + (s1r + s2r);
    bi[0] = ai[0] + (s1i + s2i);
    br[1] = m1r + n1i;
    bi[1] = m1i - n1r;
    br[4] = m1r - n1i;
    bi[4] = m1i + n1r;
    br[2] = m2r + n2i;
    bi[2] = m2i - n2r;
    br[3] = m2r - n2i;
    bi[3] = m2i + n2r;
  }
}

// One Stockham stage of radix R on transforms of length R * m with stride S (R * m * S = half the window): reads
// x[q + S (p + m k)], writes y[q + S (R p + j)] = w^(p j) sum_k e^{-j 2 pi j k / R} x, w = e^{-j 2 pi / (R m)}. The
// loop over q is the one that vectorises, for which S is known when it is compiled; lengths share these functions.
template <int R, int S>
void stage(const Circle &circle, int m, const Planes &__restrict x, Planes *__restrict y) {
  const int step = circle.length / (R * m);
  for (int p = 0; p < m; ++p) {
    Twiddle w[R];
    for (int j = 0; j < R; ++j) w[j] = circle[p * j * step];
    const float *xr = x.re + S * p, *xi = x.im + S * p;
    float *yr = y->re + S * R * p, *yi = y->im + S * R * p;
    for (int q = 0; q < S; ++q) {
      float ar[R], ai[R], br[R], bi[R];
      for (int k = 0; k < R; ++k) {
        ar[k] = xr[q + S * m * k];
        ai[k] = xi[q + S * m * k];
      }
      butterfly(ar, ai, br, bi);
      yr[q] = br[0];
      yi[q] = bi[0];
      for (int j = 1; j < R; ++j) {
        yr[q + S * j] = br[j] * w[j].re - bi[j] * w[j].im;
        yi[q + S * j] = br[j] * w[j].im + bi[j] * w[j].re;
      }
    }
  }
}

// Twiddles of a stage for every n = q + S p: w^(p j), rows of j = 1 .. R - 1, real parts, then imaginary ones.
template <int W, int R, int S>
struct Rows {
  static constexpr int kSpan = W / 2 / R;
  float re[(R - 1) * kSpan] = {}, im[(R - 1) * kSpan] = {};

  constexpr Rows() {
    constexpr const Circle &kCircle = circle_of(W);
    constexpr int kStep = kCircle.length / (R * (kSpan / S));
    for (int j = 1; j < R; ++j) {
      for (int n = 0; n < kSpan; ++n) {
        const Twiddle w = kCircle[n / S * j * kStep];
        re[(j - 1) * kSpan + n] = w.re;
        im[(j - 1) * kSpan + n] = w.im;
      }
    }
  }
};

template <int W, int R, int S>
constexpr Rows<W, R, S> kRows{};

// The same for a small S: one loop over p and q together, span = S m of them, into rows of one j each, which are
// interleaved afterwards.
template <int R, int S>
void short_stage(const float *wr, const float *wi, int span, const Planes &__restrict x, Planes *__restrict y) {
  float rows_re[R][kWindow / 2 / R], rows_im[R][kWindow / 2 / R];
  for (int n = 0; n < span; ++n) {
    float ar[R], ai[R], br[R], bi[R];
    for (int k = 0; k < R; ++k) {
      ar[k] = x.re[n + span * k];  // NOLINT: all are written, which the analyser cannot see from the length
      ai[k] = x.im[n + span * k];
    }
    butterfly(ar, ai, br, bi);
    rows_re[0][n] = br[0];
    rows_im[0][n] = bi[0];
    for (int j = 1; j < R; ++j) {
      const float re = wr[n + span * (j - 1)], im = wi[n + span * (j - 1)];
      rows_re[j][n] = br[j] * re - bi[j] * im;
      rows_im[j][n] = br[j] * im + bi[j] * re;
    }
  }
  for (int p = 0; p < span / S; ++p) {
    for (int j = 0; j < R; ++j) {
      memcpy(y->re + S * (R * p + j), &rows_re[j][S * p], S * sizeof(float));
      memcpy(y->im + S * (R * p + j), &rows_im[j][S * p], S * sizeof(float));
    }
  }
}

template <int W, int R, int S>
void short_stage_of(const Planes &x, Planes *y) {
  constexpr const auto &kOwn = kRows<W, R, S>;
  short_stage<R, S>(kOwn.re, kOwn.im, kOwn.kSpan, x, y);
}

// The DFT of x lies in what is returned, x or y; the other one is overwritten. Small odd factors first, so that the
// long inner loops get the most work.
template <int W>
const Planes &transform(Planes *x, Planes *y) {
  constexpr const Circle &kCircle = circle_of(W);
  if constexpr (W == 960) {
    short_stage_of<W, 5, 1>(*x, y);
    short_stage_of<W, 3, 5>(*y, x);
    stage<4, 15>(kCircle, 8, *x, y);
    stage<4, 60>(kCircle, 2, *y, x);
    stage<2, 240>(kCircle, 1, *x, y);
    return *y;
  } else if constexpr (W == 640) {
    short_stage_of<W, 5, 1>(*x, y);
    short_stage_of<W, 4, 5>(*y, x);
    stage<4, 20>(kCircle, 4, *x, y);
    stage<4, 80>(kCircle, 1, *y, x);
    return *x;
  } else if constexpr (W == 480) {
    short_stage_of<W, 5, 1>(*x, y);
    short_stage_of<W, 3, 5>(*y, x);
    stage<4, 15>(kCircle, 4, *x, y);
    stage<4, 60>(kCircle, 1, *y, x);
    return *x;
  } else if constexpr (W == 320) {
    short_stage_of<W, 5, 1>(*x, y);
    short_stage_of<W, 4, 5>(*y, x);
    stage<4, 20>(kCircle, 2, *x, y);
    stage<2, 80>(kCircle, 1, *y, x);
    return *x;
  } else {
    static_assert(W == 160);
    short_stage_of<W, 5, 1>(*x, y);
    short_stage_of<W, 4, 5>(*y, x);
    stage<4, 20>(kCircle, 1, *x, y);
    return *y;
  }
}

const Planes &transform(int window, Planes *x, Planes *y) {
  switch (window) {
    case 160:
      return transform<160>(x, y);
    case 320:
      return transform<320>(x, y);
    case 480:
      return transform<480>(x, y);
    case 640:
      return transform<640>(x, y);
    default:
      return transform<960>(x, y);
  }
}

// X = E + w^k O out of Z: even and odd samples apart, E = (Z[k] + conj Z[N - k]) / 2, O = (Z[k] - conj Z[N - k]) / 2j,
// N points; twiddles lie stride apart. Inlined, as a loop of stride 1 is to be compiled as one.
__attribute__((always_inline)) inline void split(const Circle &circle, int stride, int points,
                                                 const Planes &__restrict z, Spectrum *__restrict spectrum) {
  for (int k = 1; k < points; ++k) {
    float er = 0.5f * (z.re[k] + z.re[points - k]), ei = 0.5f * (z.im[k] - z.im[points - k]);
    float our = 0.5f * (z.im[k] + z.im[points - k]), oui = 0.5f * (z.re[points - k] - z.re[k]);
    float wr = circle.re[k * stride], wi = circle.im[k * stride];
    spectrum->re[k] = er + (our * wr - oui * wi);
    spectrum->im[k] = ei + (our * wi + oui * wr);
  }
}

// Z = (X[k] + conj X[N - k]) + j w^-k (X[k] - conj X[N - k]), with real and imaginary planes exchanged.
__attribute__((always_inline)) inline void join(const Circle &circle, int stride, int points,
                                                const Spectrum &__restrict spectrum, Planes *__restrict z) {
  for (int k = 1; k < points; ++k) {
    float sr = spectrum.re[k] + spectrum.re[points - k], si = spectrum.im[k] - spectrum.im[points - k];
    float dr = spectrum.re[k] - spectrum.re[points - k], di = spectrum.im[k] + spectrum.im[points - k];
    float wr = circle.re[k * stride], wi = -circle.im[k * stride];
    float pr = dr * wr - di * wi, pi = dr * wi + di * wr;
    z->im[k] = sr - pi;
    z->re[k] = si + pr;
  }
}

}  // namespace

void fft_forward(const Rate &rate, const float *x, Spectrum *spectrum) {
  const Circle &circle = circle_of(rate.window);
  const int points = rate.window / 2, stride = circle.length / rate.window;
  Planes a, b;
  for (int n = 0; n < points; ++n) {
    a.re[n] = x[2 * n];
    a.im[n] = x[2 * n + 1];
  }
  const Planes &z = transform(rate.window, &a, &b);
  spectrum->re[0] = z.re[0] + z.im[0];
  spectrum->im[0] = 0.0f;
  spectrum->re[points] = z.re[0] - z.im[0];
  spectrum->im[points] = 0.0f;
  if (stride == 1) {
    split(circle, 1, points, z, spectrum);
  } else {
    split(circle, stride, points, z, spectrum);
  }
  for (int k = points + 1; k < kBins; ++k) spectrum->re[k] = spectrum->im[k] = 0.0f;
}

void fft_inverse(const Rate &rate, const Spectrum &spectrum, float *x) {
  // The inverse transform is the forward one with real and imaginary planes exchanged on both sides.
  const Circle &circle = circle_of(rate.window);
  const int points = rate.window / 2, stride = circle.length / rate.window;
  Planes a, b;
  a.im[0] = spectrum.re[0] + spectrum.re[points];
  a.re[0] = spectrum.re[0] - spectrum.re[points];
  if (stride == 1) {
    join(circle, 1, points, spectrum, &a);
  } else {
    join(circle, stride, points, spectrum, &a);
  }
  const Planes &z = transform(rate.window, &a, &b);
  for (int n = 0; n < points; ++n) {
    x[2 * n] = z.im[n];
    x[2 * n + 1] = z.re[n];
  }
}

}  // namespace linnet::dsp
