#include "dsp/fft.h"

#include <cstring>

#include "base/math.h"

namespace linnet::dsp {
namespace {

// Of the length W, whose divisors it serves as well.
template <int W>
struct Twiddles {
  float re[W] = {}, im[W] = {};  // e^{-j 2 pi k / W}

  constexpr Twiddles() {
    for (int k = 0; k < W; ++k) {
      double angle = 2 * base::kPi * (k <= W / 2 ? k : k - W) / W;
      re[k] = static_cast<float>(base::table_cosine(angle));
      im[k] = static_cast<float>(-base::table_sine(angle));
    }
  }
};

template <int W>
constexpr Twiddles<W> kTwiddlesOf{};

// Of 960 points for 960, 480, 320 and 160; 640 has its own.
template <int W>
struct Table {
  static constexpr int kLength = kWindow % W == 0 ? kWindow : W;
  static constexpr int kStride = kLength / W;
};

template <int N>
struct Planes {
  float re[N], im[N];
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

// One Stockham stage of radix R on transforms of length R * M with stride S (R * M * S = W / 2): reads x[q + S (p +
// M k)], writes y[q + S (R p + j)] = w^(p j) sum_k e^{-j 2 pi j k / R} x. The loop over q is the one that vectorises.
template <int W, int R, int M, int S>
void stage(const Planes<W / 2> &x, Planes<W / 2> *y) {
  static_assert(R * M * S == W / 2);
  constexpr const auto &kTwiddles = kTwiddlesOf<Table<W>::kLength>;
  constexpr int kStep = Table<W>::kLength / (R * M);  // w = e^{-j 2 pi / (R M)}
  for (int p = 0; p < M; ++p) {
    float wr[R], wi[R];
    for (int j = 0; j < R; ++j) {
      wr[j] = kTwiddles.re[p * j * kStep];
      wi[j] = kTwiddles.im[p * j * kStep];
    }
    const float *xr = x.re + S * p, *xi = x.im + S * p;
    float *yr = y->re + S * R * p, *yi = y->im + S * R * p;
    for (int q = 0; q < S; ++q) {
      float ar[R], ai[R], br[R], bi[R];
      for (int k = 0; k < R; ++k) {
        ar[k] = xr[q + S * M * k];
        ai[k] = xi[q + S * M * k];
      }
      butterfly(ar, ai, br, bi);
      yr[q] = br[0];
      yi[q] = bi[0];
      for (int j = 1; j < R; ++j) {
        yr[q + S * j] = br[j] * wr[j] - bi[j] * wi[j];
        yi[q + S * j] = br[j] * wi[j] + bi[j] * wr[j];
      }
    }
  }
}

// Twiddles of a stage for every n = q + S p.
template <int W, int R, int M, int S>
struct StageTwiddles {
  float re[R][S * M] = {}, im[R][S * M] = {};

  constexpr StageTwiddles() {
    constexpr const auto &kTwiddles = kTwiddlesOf<Table<W>::kLength>;
    constexpr int kStep = Table<W>::kLength / (R * M);
    for (int j = 0; j < R; ++j) {
      for (int n = 0; n < S * M; ++n) {
        re[j][n] = kTwiddles.re[n / S * j * kStep];
        im[j][n] = kTwiddles.im[n / S * j * kStep];
      }
    }
  }
};

// The same for a small S: one loop over p and q together, into rows of one j each, which are interleaved afterwards.
template <int W, int R, int M, int S>
void short_stage(const Planes<W / 2> &x, Planes<W / 2> *y) {
  static_assert(R * M * S == W / 2);
  constexpr int kSpan = S * M;
  static constexpr StageTwiddles<W, R, M, S> kTwiddle{};
  float rows_re[R][kSpan], rows_im[R][kSpan];
  for (int n = 0; n < kSpan; ++n) {
    float ar[R], ai[R], br[R], bi[R];
    for (int k = 0; k < R; ++k) {
      ar[k] = x.re[n + kSpan * k];
      ai[k] = x.im[n + kSpan * k];
    }
    butterfly(ar, ai, br, bi);
    rows_re[0][n] = br[0];
    rows_im[0][n] = bi[0];
    for (int j = 1; j < R; ++j) {
      rows_re[j][n] = br[j] * kTwiddle.re[j][n] - bi[j] * kTwiddle.im[j][n];
      rows_im[j][n] = br[j] * kTwiddle.im[j][n] + bi[j] * kTwiddle.re[j][n];
    }
  }
  for (int p = 0; p < M; ++p) {
    for (int j = 0; j < R; ++j) {
      memcpy(y->re + S * (R * p + j), &rows_re[j][S * p], S * sizeof(float));
      memcpy(y->im + S * (R * p + j), &rows_im[j][S * p], S * sizeof(float));
    }
  }
}

// The DFT of x lies in what is returned, x or y; the other one is overwritten. Small odd factors first, so that the
// long inner loops get the most work.
template <int W>
__attribute__((always_inline)) inline const Planes<W / 2> &transform(Planes<W / 2> *x, Planes<W / 2> *y) {
  if constexpr (W == 960) {
    short_stage<W, 5, 96, 1>(*x, y);
    short_stage<W, 3, 32, 5>(*y, x);
    stage<W, 4, 8, 15>(*x, y);
    stage<W, 4, 2, 60>(*y, x);
    stage<W, 2, 1, 240>(*x, y);
    return *y;
  } else if constexpr (W == 640) {
    short_stage<W, 5, 64, 1>(*x, y);
    short_stage<W, 4, 16, 5>(*y, x);
    stage<W, 4, 4, 20>(*x, y);
    stage<W, 4, 1, 80>(*y, x);
    return *x;
  } else if constexpr (W == 480) {
    short_stage<W, 5, 48, 1>(*x, y);
    short_stage<W, 3, 16, 5>(*y, x);
    stage<W, 4, 4, 15>(*x, y);
    stage<W, 4, 1, 60>(*y, x);
    return *x;
  } else if constexpr (W == 320) {
    short_stage<W, 5, 32, 1>(*x, y);
    short_stage<W, 4, 8, 5>(*y, x);
    stage<W, 4, 2, 20>(*x, y);
    stage<W, 2, 1, 80>(*y, x);
    return *x;
  } else {
    static_assert(W == 160);
    short_stage<W, 5, 16, 1>(*x, y);
    short_stage<W, 4, 4, 5>(*y, x);
    stage<W, 4, 1, 20>(*x, y);
    return *y;
  }
}

template <int W>
void forward(const float *x, Spectrum *spectrum) {
  constexpr int kPoints = W / 2, kStride = Table<W>::kStride;
  constexpr const auto &kTwiddles = kTwiddlesOf<Table<W>::kLength>;
  Planes<kPoints> a, b;
  for (int n = 0; n < kPoints; ++n) {
    a.re[n] = x[2 * n];
    a.im[n] = x[2 * n + 1];
  }
  const Planes<kPoints> &z = transform<W>(&a, &b);
  // Even and odd samples apart: E = (Z[k] + conj Z[W/2 - k]) / 2, O = (Z[k] - conj Z[W/2 - k]) / 2j, X = E + w^k O.
  spectrum->re[0] = z.re[0] + z.im[0];
  spectrum->im[0] = 0.0f;
  spectrum->re[kPoints] = z.re[0] - z.im[0];
  spectrum->im[kPoints] = 0.0f;
  for (int k = 1; k < kPoints; ++k) {
    float er = 0.5f * (z.re[k] + z.re[kPoints - k]), ei = 0.5f * (z.im[k] - z.im[kPoints - k]);
    float our = 0.5f * (z.im[k] + z.im[kPoints - k]), oui = 0.5f * (z.re[kPoints - k] - z.re[k]);
    float wr = kTwiddles.re[k * kStride], wi = kTwiddles.im[k * kStride];
    spectrum->re[k] = er + (our * wr - oui * wi);
    spectrum->im[k] = ei + (our * wi + oui * wr);
  }
  for (int k = kPoints + 1; k < kBins; ++k) spectrum->re[k] = spectrum->im[k] = 0.0f;
}

template <int W>
void inverse(const Spectrum &spectrum, float *x) {
  constexpr int kPoints = W / 2, kStride = Table<W>::kStride;
  constexpr const auto &kTwiddles = kTwiddlesOf<Table<W>::kLength>;
  // Z = (X[k] + conj X[W/2 - k]) + j w^-k (X[k] - conj X[W/2 - k]). The inverse transform is the forward one with real
  // and imaginary planes exchanged on both sides.
  Planes<kPoints> a, b;
  a.im[0] = spectrum.re[0] + spectrum.re[kPoints];
  a.re[0] = spectrum.re[0] - spectrum.re[kPoints];
  for (int k = 1; k < kPoints; ++k) {
    float sr = spectrum.re[k] + spectrum.re[kPoints - k], si = spectrum.im[k] - spectrum.im[kPoints - k];
    float dr = spectrum.re[k] - spectrum.re[kPoints - k], di = spectrum.im[k] + spectrum.im[kPoints - k];
    float wr = kTwiddles.re[k * kStride], wi = -kTwiddles.im[k * kStride];
    float pr = dr * wr - di * wi, pi = dr * wi + di * wr;
    a.im[k] = sr - pi;
    a.re[k] = si + pr;
  }
  const Planes<kPoints> &z = transform<W>(&a, &b);
  for (int n = 0; n < kPoints; ++n) {
    x[2 * n] = z.im[n];
    x[2 * n + 1] = z.re[n];
  }
}

}  // namespace

void fft_forward(const Rate &rate, const float *x, Spectrum *spectrum) {
  switch (rate.window) {
    case 160:
      return forward<160>(x, spectrum);
    case 320:
      return forward<320>(x, spectrum);
    case 480:
      return forward<480>(x, spectrum);
    case 640:
      return forward<640>(x, spectrum);
    default:
      return forward<960>(x, spectrum);
  }
}

void fft_inverse(const Rate &rate, const Spectrum &spectrum, float *x) {
  switch (rate.window) {
    case 160:
      return inverse<160>(spectrum, x);
    case 320:
      return inverse<320>(spectrum, x);
    case 480:
      return inverse<480>(spectrum, x);
    case 640:
      return inverse<640>(spectrum, x);
    default:
      return inverse<960>(spectrum, x);
  }
}

}  // namespace linnet::dsp
