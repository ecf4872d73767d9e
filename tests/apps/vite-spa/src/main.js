document.querySelector('#app').textContent = `Hello from Vite at ${location.pathname}`;
