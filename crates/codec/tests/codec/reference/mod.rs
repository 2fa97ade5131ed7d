//! Reed-Solomon as `docs/format.md` describes it, slow and without tables: what the fast code is compared with.

/// The matrix of a geometry: n rows, k columns, identity on top.
pub(crate) fn matrix(data: usize, parity: usize) -> Vec<Vec<u8>> {
    let vandermonde: Vec<Vec<u8>> = (0..data + parity)
        .map(|r| (0..data).map(|c| power(r as u8, c)).collect())
        .collect();
    multiply(&vandermonde, &invert(&vandermonde[..data]))
}

/// All bodies of a stripe, from its plaintext.
pub(crate) fn encode(data: usize, parity: usize, plaintext: &[u8]) -> Vec<Vec<u8>> {
    let len = plaintext.len().div_ceil(data);
    let mut padded = plaintext.to_vec();
    padded.resize(len * data, 0);
    let pieces: Vec<Vec<u8>> = (0..data).map(|i| padded[i * len..][..len].to_vec()).collect();
    multiply(&matrix(data, parity), &pieces)
}

/// The padded plaintext, from k bodies with their indices.
pub(crate) fn decode(data: usize, parity: usize, bodies: &[(usize, Vec<u8>)]) -> Vec<u8> {
    assert_eq!(bodies.len(), data);
    let all = matrix(data, parity);
    let rows: Vec<Vec<u8>> = bodies.iter().map(|(index, _)| all[*index].clone()).collect();
    let bodies: Vec<Vec<u8>> = bodies.iter().map(|(_, body)| body.clone()).collect();
    multiply(&invert(&rows), &bodies).concat()
}

/// Multiplies polynomials over GF(2) bit by bit, modulo x^8 + x^4 + x^3 + x^2 + 1.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (u16::from(a), b, 0);
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 0x100 != 0 {
            a ^= 0x11d;
        }
        b >>= 1;
    }
    product as u8
}

fn power(a: u8, exponent: usize) -> u8 {
    (0..exponent).fold(1, |product, _| times(product, a))
}

/// a^254: the multiplicative group has 255 elements.
fn inverse(a: u8) -> u8 {
    power(a, 254)
}

fn multiply(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<Vec<u8>> {
    a.iter()
        .map(|row| {
            let mut sum = vec![0; b[0].len()];
            for (factor, other) in row.iter().zip(b) {
                sum.iter_mut()
                    .zip(other)
                    .for_each(|(s, x)| *s ^= times(*factor, *x));
            }
            sum
        })
        .collect()
}

/// Gauss-Jordan elimination on the matrix with the identity beside it.
fn invert(matrix: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let size = matrix.len();
    let identity = |r: usize| (0..size).map(move |c| u8::from(r == c));
    let mut work: Vec<Vec<u8>> = matrix
        .iter()
        .enumerate()
        .map(|(r, row)| row.iter().copied().chain(identity(r)).collect())
        .collect();
    for i in 0..size {
        let pivot = (i..size).find(|r| work[*r][i] != 0).expect("invertible");
        work.swap(i, pivot);
        let factor = inverse(work[i][i]);
        work[i].iter_mut().for_each(|x| *x = times(factor, *x));
        let row = work[i].clone();
        for (_, other) in work.iter_mut().enumerate().filter(|(r, _)| *r != i) {
            let factor = other[i];
            other
                .iter_mut()
                .zip(&row)
                .for_each(|(x, y)| *x ^= times(factor, *y));
        }
    }
    work.into_iter().map(|row| row[size..].to_vec()).collect()
}
