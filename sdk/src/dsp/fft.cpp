#include "dsp/fft.h"

#include <cstring>

#include "base/math.h"

namespace linnet::dsp {
namespace {

constexpr int kPoints = 480;  // complex

struct Twiddles {
  float re[kWindow], im[kWindow];  // e^{-j 2 pi k / 960}
};

constexpr Twiddles make_twiddles() {
  Twiddles t{};
  for (int k = 0; k < kWindow; ++k) {
    double angle = 2 * base::kPi * (k <= kWindow / 2 ? k : k - kWindow) / kWindow;
    t.re[k] = static_cast<float>(base::table_cosine(angle));
    t.im[k] = static_cast<float>(-base::table_sine(angle));
  }
  return t;
}

constexpr Twiddles kTwiddles = make_twiddles();

struct Planes {
  float re[kPoints], im[kPoints];
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

// One Stockham stage of radix R on transforms of length R * M with stride S (R * M * S = 480): reads x[q + S (p + M
// k)], writes y[q + S (R p + j)] = w^(p j) sum_k e^{-j 2 pi j k / R} x. The loop over q is the one that vectorises.
template <int R, int M, int S>
void stage(const Planes &x, Planes *y) {
  constexpr int kStep = kWindow / (R * M);  // w = e^{-j 2 pi / (R M)}
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
template <int R, int M, int S>
struct StageTwiddles {
  float re[R][S * M] = {}, im[R][S * M] = {};

  constexpr StageTwiddles() {
    for (int j = 0; j < R; ++j) {
      for (int n = 0; n < S * M; ++n) {
        re[j][n] = kTwiddles.re[n / S * j * (kWindow / (R * M))];
        im[j][n] = kTwiddles.im[n / S * j * (kWindow / (R * M))];
      }
    }
  }
};

// The same for a small S: one loop over p and q together, into rows of one j each, which are interleaved afterwards.
template <int R, int M, int S>
void short_stage(const Planes &x, Planes *y) {
  constexpr int kSpan = S * M;
  static constexpr StageTwiddles<R, M, S> kTwiddle;
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

// y = DFT of x; x is overwritten. Small odd factors first, so that the long inner loops get the most work.
void transform(Planes *x, Planes *y) {
  short_stage<5, 96, 1>(*x, y);
  short_stage<3, 32, 5>(*y, x);
  stage<4, 8, 15>(*x, y);
  stage<4, 2, 60>(*y, x);
  stage<2, 1, 240>(*x, y);
}

}  // namespace

void fft_forward(const float x[kWindow], Spectrum *spectrum) {
  Planes a, z;
  for (int n = 0; n < kPoints; ++n) {
    a.re[n] = x[2 * n];
    a.im[n] = x[2 * n + 1];
  }
  transform(&a, &z);
  // Even and odd samples apart: E = (Z[k] + conj Z[480 - k]) / 2, O = (Z[k] - conj Z[480 - k]) / 2j, X = E + w^k O.
  spectrum->re[0] = z.re[0] + z.im[0];
  spectrum->im[0] = 0.0f;
  spectrum->re[kPoints] = z.re[0] - z.im[0];
  spectrum->im[kPoints] = 0.0f;
  for (int k = 1; k < kPoints; ++k) {
    float er = 0.5f * (z.re[k] + z.re[kPoints - k]), ei = 0.5f * (z.im[k] - z.im[kPoints - k]);
    float our = 0.5f * (z.im[k] + z.im[kPoints - k]), oui = 0.5f * (z.re[kPoints - k] - z.re[k]);
    float wr = kTwiddles.re[k], wi = kTwiddles.im[k];
    spectrum->re[k] = er + (our * wr - oui * wi);
    spectrum->im[k] = ei + (our * wi + oui * wr);
  }
}

void fft_inverse(const Spectrum &spectrum, float x[kWindow]) {
  // Z = (X[k] + conj X[480 - k]) + j w^-k (X[k] - conj X[480 - k]). The inverse transform is the forward one with real
  // and imaginary planes exchanged on both sides.
  Planes a, z;
  a.im[0] = spectrum.re[0] + spectrum.re[kPoints];
  a.re[0] = spectrum.re[0] - spectrum.re[kPoints];
  for (int k = 1; k < kPoints; ++k) {
    float sr = spectrum.re[k] + spectrum.re[kPoints - k], si = spectrum.im[k] - spectrum.im[kPoints - k];
    float dr = spectrum.re[k] - spectrum.re[kPoints - k], di = spectrum.im[k] + spectrum.im[kPoints - k];
    float wr = kTwiddles.re[k], wi = -kTwiddles.im[k];
    float pr = dr * wr - di * wi, pi = dr * wi + di * wr;
    a.im[k] = sr - pi;
    a.re[k] = si + pr;
  }
  transform(&a, &z);
  for (int n = 0; n < kPoints; ++n) {
    x[2 * n] = z.im[n];
    x[2 * n + 1] = z.re[n];
  }
}

}  // namespace linnet::dsp
